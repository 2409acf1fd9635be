"""What the machine is, whether the installation is whole, and what ``make lab`` changes of the
server.
"""
