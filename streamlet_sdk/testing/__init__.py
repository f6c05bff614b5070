"""The test kit: a streamlet or a whole blueprint in a test, without sockets and sleeping."""
