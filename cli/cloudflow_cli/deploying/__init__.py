"""What the commands that write an application have in common: what it is, would be, and may be.

`given` reads what the user has, `described`, `overlay` and `overrides` put documents on top of it,
`checks` and `changes` judge it, `writing` and `waiting` talk to the cluster. All else is pure.
"""
