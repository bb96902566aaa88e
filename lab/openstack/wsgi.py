"""usage: wsgi.py NAME PORT MODULE ACCESS_LOG: serves MODULE:application on 127.0.0.1:PORT with gunicorn.

gunicorn because uwsgi's HTTP socket resets clients that keep connections alive. The access log has a line a request:
method, path (with query), status, bytes of the body that were sent, address of the client, name of the user (- before Keystone has been asked).
It is written at once after each request. The path is RAW_URI, since applications shift PATH_INFO.
"""

import importlib
import sys

from gunicorn.app.base import BaseApplication

name, port, module, access_log = sys.argv[1:]
sys.argv = [name]  # keystone and nova would read our arguments as theirs


class Server(BaseApplication):
    """gunicorn with one process and a pool of threads."""

    def load_config(self):
        """Sets gunicorn's options; it reads no file and no argument."""
        options = {
            "bind": f"127.0.0.1:{port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": 8,
            "timeout": 300,
            "keepalive": 30,
            "accesslog": access_log,
            "access_log_format": "%(m)s %({RAW_URI}e)s %(s)s %(B)s %(h)s %({HTTP_X_USER_NAME}e)s",
            "control_socket_disable": True,
        }
        for key, value in options.items():
            self.cfg.set(key, value)

    def load(self):
        """Returns the WSGI application."""
        return importlib.import_module(module).application


Server().run()
