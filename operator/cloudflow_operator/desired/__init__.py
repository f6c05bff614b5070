"""What an application shall be on the cluster: pure functions from the resource to manifests.

`application.desired` is the door. Reconciling compares what it returns with what is there.
"""
