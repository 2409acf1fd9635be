"""The environment, the machine, a check of the installation, and the server of ``make lab``."""
