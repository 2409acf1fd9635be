"""The engine room of ``training``: many nets trained as one."""
