"""
Nothing is wrong.

    calm.py server|cache|array|over
"""
import functools
import http.server
import json
import logging
import threading

import rest


def server():
    """It waits for requests, and none comes."""
    logging.basicConfig(level=logging.INFO)
    listening = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=listening.serve_forever, args=(60,), daemon=True).start()
    rest.until_told()


@functools.lru_cache(maxsize=2000)
def rendered(number):
    return json.dumps({"number": number, "text": "x" * 100})


def cache():
    """Bounded, full, and in use."""
    for _ in range(3):
        for number in range(2500):
            rendered(number)
    rest.until_told()


def array():
    import numpy

    global DATA
    DATA = numpy.ones(25 << 20)
    rest.until_told()


def over():
    """A peak was here, and all of it went back."""
    peak = [bytes(bytearray(300)) for _ in range(100000)]
    del peak
    rest.until_told()


rest.run([server, cache, array, over])
