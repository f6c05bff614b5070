"""One module for each command, with one function of the command's name."""
