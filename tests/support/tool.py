"""
The built arenascope: where it is, how it is run, what it answered.

$ARENASCOPE_BUILD and $ARENASCOPE_RELEASE name the build folders (sanitized, and release for the
tests that trace the tool itself, where the leak sanitizer cannot work).
"""

import functools
import json
import os
import re
import subprocess

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIMEOUT = 120  # seconds; a run that needs them has failed anyway

# A sanitizer's finding must not look like one of our own exit statuses. tools/check builds a program that undefined
# behaviour ends with SIGILL. The use of what was on a stack takes a fifth of all the time to detect; unit tests always do.
SANITIZERS = {
    "ASAN_OPTIONS": "exitcode=99:abort_on_error=0:handle_sigill=2:detect_stack_use_after_return=%d" % bool(
        os.environ.get("ARENASCOPE_ALL")),
    "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99:print_stacktrace=1",
    "LSAN_OPTIONS": "exitcode=99",
}

# Runs a command and says how much anonymous memory it had at the most, as far as looking tells.
PEAK = """
import os, re, sys, time
pid = os.fork()
if not pid:
    os.execv(sys.argv[1], sys.argv[1:])
most = 0
while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
    try:
        text = open('/proc/%d/status' % pid).read()
        most = max(most, int((re.findall(r'RssAnon:\\s+(\\d+)', text) or [0])[0]))
    except OSError:
        pass
    time.sleep(0.0005)
sys.stderr.write('\\nPEAK %d\\n' % most)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def built(variable, default):
    return os.path.join(os.environ.get(variable) or os.path.join(TREE, default),
                        "ui", "arenascope")


BINARY = built("ARENASCOPE_BUILD", "build-check")
RELEASE = built("ARENASCOPE_RELEASE", "build-check-release")


class Result:
    def __init__(self, arguments, code, out, err):
        self.arguments = arguments
        self.code = code
        self.out_bytes = out
        self.out = out.decode("utf-8", "surrogateescape")
        self.err = err.decode("utf-8", "surrogateescape")

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return "arenascope %s -> %d\n--- stdout\n%s\n--- stderr\n%s" % (
            " ".join(self.arguments), self.code, self.out[:4000], self.err[:4000])


def environment(cache=None, **more):
    env = {key: value for key, value in os.environ.items()
           if key not in ("NO_COLOR", "CLICOLOR_FORCE", "DEBUGINFOD_URLS")}
    env.update(SANITIZERS, LC_ALL="C.UTF-8")
    if cache:
        env["XDG_CACHE_HOME"] = str(cache)
    env.update({key: value for key, value in more.items() if value is not None})
    for key in [key for key, value in more.items() if value is None]:
        env.pop(key, None)
    return env


class Tool:
    """The tool with a cache folder of its own."""

    def __init__(self, cache, binary=BINARY):
        self.cache = str(cache)
        self.binary = binary

    def run(self, *arguments, env=None, wrap=(), timeout=TIMEOUT, **popen):
        arguments = [str(argument) for argument in arguments]
        popen.setdefault("stdin", subprocess.DEVNULL)
        if "stdout" not in popen:
            popen["stdout"] = subprocess.PIPE
        done = subprocess.run(list(wrap) + [self.binary] + arguments,
                              env=environment(self.cache, **(env or {})),
                              stderr=subprocess.PIPE, timeout=timeout, check=False, **popen)
        result = Result(arguments, done.returncode, done.stdout or b"", done.stderr)
        assert result.code != 99 and "Sanitizer" not in result.err, result
        return result

    def start(self, *arguments, env=None, wrap=(), **popen):
        """The tool left running, for what must be done to it meanwhile."""
        return subprocess.Popen(list(wrap) + [self.binary] + [str(a) for a in arguments],
                                env=environment(self.cache, **(env or {})), **popen)

    def ok(self, *arguments, **options):
        result = self.run(*arguments, **options)
        assert result.code == 0, result
        return result

    def weigh(self, *arguments, codes=(0,)):
        """(what it answered, MiB of anonymous memory that it had at the most)"""
        done = self.run(*arguments, wrap=["/usr/bin/python3", "-c", PEAK])
        assert done.code in codes, done
        return done, int(re.findall(r"^PEAK (\d+)$", done.err, re.M)[-1]) / 1024

    def json(self, *arguments, **options):
        """The object that a verb prints with --json; it must have gone well and fit the schema."""
        answer = self.ok(*arguments, "--json", **options).json
        validate(answer)
        return answer


@functools.lru_cache(maxsize=None)
def schema():
    with open(os.path.join(TREE, "docs", "arenascope.schema.json"), encoding="utf-8") as file:
        return json.load(file)


@functools.lru_cache(maxsize=None)
def validator():
    """The schema compiled to Python: a tenth of the time that jsonschema takes, which every test pays."""
    import fastjsonschema

    return fastjsonschema.compile(schema())


def validate(answer):
    """Against docs/arenascope.schema.json."""
    import fastjsonschema

    try:
        validator()(answer)
    except fastjsonschema.JsonSchemaException as failure:
        raise AssertionError(str(failure)[:2000]) from failure
