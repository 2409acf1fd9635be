"""What ``make lab`` changes of the Jupyter server: answers leave at once."""

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """The connection between a page and its kernel, without Nagle's algorithm.

    That algorithm holds a small message back until the one before it is acknowledged. A page
    acknowledges up to 40 ms late, and a kernel answers a slider with four messages in a row: of a
    drag, every second picture would be lost.
    """

    def connect(self):
        self.websocket_handler.set_nodelay(True)
        return super().connect()
