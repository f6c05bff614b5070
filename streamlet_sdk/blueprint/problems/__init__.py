"""Every problem of a blueprint, of the classes that it names, and of a configuration.

`documents` has those of how something is written, `wiring` those of streamlets and topics,
`settings` those of parameters, delivery and replicas, `classes` those of what a class declares,
`loading` those of importing it. Each is a value; `registry` knows all of them.
"""
