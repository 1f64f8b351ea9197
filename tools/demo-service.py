#!/usr/bin/env python3
"""
A small service with an ordinary life: sessions, a cache, requests, and one day a traffic peak.

It serves requests from a queue with a few worker threads. At noon the load rises tenfold for a
while; every request leaves a little behind: most of it until the response is sent, some until its
session times out. Then the peak is over and nearly all of it is freed. What is left is what
arenascope is there to explain: a heap that once was large, is nearly empty, and is not given back,
because a few sessions that are still alive lie scattered over it.

    demo-service.py [--peak-requests N]         writes "peak over" when it is; runs until it is ended

Pure standard library, Python 3.6 onwards, no network, the same every time.
"""
import argparse
import collections
import json
import queue
import random
import signal
import sys
import threading
import time

SESSION_TIMEOUT = 1800  # simulated seconds
ADMIN_EVERY = 173       # one session in so many belongs to a monitoring client that never leaves


class Session(object):
    """What the service remembers of one client."""

    __slots__ = ("key", "user", "cart", "seen", "expires")

    def __init__(self, key, user, now):
        self.key = key
        self.user = user
        self.cart = []
        self.seen = {"/": now}
        self.expires = now + SESSION_TIMEOUT


class Request(object):
    def __init__(self, number, session, path):
        self.number = number
        self.session = session
        self.path = path
        self.headers = {"host": "shop.example", "accept": "text/html", "x-request": "%08x" % number}
        self.log = []


class Cache(object):
    """Rendered fragments by path, the least recently used go first."""

    def __init__(self, limit):
        self.limit = limit
        self.entries = collections.OrderedDict()

    def fetch(self, path, render):
        if path in self.entries:
            self.entries.move_to_end(path)
        else:
            self.entries[path] = render(path)
            while len(self.entries) > self.limit:
                self.entries.popitem(last=False)
        return self.entries[path]

    def shrink(self, limit):
        self.limit = limit
        while len(self.entries) > limit:
            self.entries.popitem(last=False)


class Service(object):
    def __init__(self):
        self.sessions = {}
        self.cache = Cache(4000)
        self.in_flight = {}
        self.dice = random.Random(2718)
        self.clock = 0
        self.served = 0

    def session_of(self, key):
        session = self.sessions.get(key)
        if session is None:
            session = Session(key, {"id": key, "name": "user-%d" % key, "roles": ["buyer"]},
                              self.clock)
            self.sessions[key] = session
            if key % ADMIN_EVERY == 0:
                session.expires = float("inf")
        return session

    def receive(self, number, clients):
        """Parses a request and keeps it in flight until it is answered."""
        session = self.session_of(self.dice.randrange(clients))
        path = "/item/%d?ref=%d" % (self.dice.randrange(20000), self.dice.randrange(50))
        request = Request(number, session, path)
        request.body = json.dumps({"items": [self.dice.randrange(1 << 30) for _ in range(12)],
                                   "note": "n" * self.dice.randrange(200)})
        request.parsed = json.loads(request.body)
        request.log.append((self.clock, "received", path))
        session.cart.append(tuple(request.parsed["items"][:3]))
        session.seen[path] = self.clock + number * 1e-6
        self.in_flight[number] = request

    def render(self, path):
        return ["<li>%s-%d</li>" % (path, i) for i in range(8)]

    def answer(self, number):
        request = self.in_flight.pop(number)
        self.cache.fetch(request.path.split("?")[0], self.render)
        request.log.append((self.clock, "answered", 200))
        self.served += 1

    def expire(self):
        gone = [key for key, session in self.sessions.items() if session.expires <= self.clock]
        for key in gone:
            del self.sessions[key]

    def morning(self):
        for number in range(2000):
            self.receive(number, clients=500)
            self.answer(number)
            self.clock += 1

    def peak(self, requests):
        """Requests come faster than they are answered; the queue grows, then drains."""
        first = 1000000
        for number in range(first, first + requests):
            self.receive(number, clients=60000)
        for number in range(first, first + requests):
            self.answer(number)
        self.clock += SESSION_TIMEOUT + 60
        self.expire()
        self.cache.shrink(400)

    def tick(self, number):
        self.receive(number, clients=300)
        self.answer(number)
        self.clock += 5
        if number % 20 == 0:
            self.expire()


def worker(jobs):
    """Background jobs that the service's requests leave: here, nothing but waiting."""
    while jobs.get() is not None:
        jobs.task_done()


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--peak-requests", type=int, default=90000)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    jobs = queue.Queue()
    for _ in range(4):
        threading.Thread(target=worker, args=(jobs,), daemon=True).start()

    service = Service()
    service.morning()
    say("morning over: %d sessions" % len(service.sessions))
    service.peak(arguments.peak_requests)
    say("peak over: %d sessions are left" % len(service.sessions))
    number = 9000000
    while True:
        service.tick(number)
        number += 1
        time.sleep(0.05)


if __name__ == "__main__":
    main()
