"""A target with known tables or tensors, which tells of them what their library says, then rests:

    tabled.py pandas|torch SECRET      prints lines of type, dtype, shape, how many, bytes of data; then READY
"""
import collections
import re
import signal
import sys

sys.path.pop(0)  # or a neighbour of this file would be numpy's `secrets`

told = collections.Counter()
data = collections.Counter()


def tell(thing, dtype, shape, size=0):
    kind = type(thing)
    row = "%s.%s" % (kind.__module__, kind.__qualname__), dtype, tuple(shape)
    told[row] += 1
    data[row] += size
    return thing


# ---- pandas --------------------------------------------------------------------------------------


def plain(dtype):
    """Without unit, time zone, interval: "datetime64[ns, UTC]" as "datetime64"."""
    return re.sub(r"\[.*", "", str(dtype))


def tell_frame(frame, size=None):
    """`size`: where its data are another's, or categories are theirs, too."""
    kinds = collections.Counter(plain(it) for it in frame.dtypes).items()
    dtype = " + ".join("%d %s" % (n, it) for it, n in sorted(kinds, key=lambda it: (-it[1], it[0])))
    if size is None:
        size = int(frame.memory_usage(index=False).sum())
        getattr(frame, "_clear_item_cache", int)()  # else it keeps each column as a Series
    return tell(frame, dtype, frame.shape, size)


def tell_series(series, size=None):
    return tell(series, plain(series.dtype), series.shape, series.memory_usage(index=False) if size is None else size)


def make_pandas():
    import numpy
    import pandas

    class Table(object):
        """Before DataFrame among the bases of a subclass."""

    class Own(Table, pandas.DataFrame):
        pass

    n = 1234
    kept = [tell_frame(pandas.DataFrame(numpy.zeros((n, 5)))) for _ in range(7)]
    kept.append(tell_frame(pandas.DataFrame({
        "a": numpy.arange(n), "b": numpy.arange(n) * 0.5, "c": numpy.arange(n) * 2.0, "d": ["x"] * n,
        "e": pandas.date_range("2020", periods=n), "f": numpy.zeros(n, "bool"), "g": numpy.zeros(n, "float32")})))
    missing = tell_frame(pandas.DataFrame({
        "i": pandas.array([1, None] * 50, dtype="Int64"), "u": pandas.array([1, None] * 50, dtype="UInt8"),
        "f": pandas.array([1.5, None] * 50, dtype="Float64"), "b": pandas.array([True, None] * 50, dtype="boolean")}))
    kinds = pandas.DataFrame({
        "c": pandas.Categorical(list("ab") * 50), "z": pandas.date_range("2020", periods=100, tz="UTC"),
        "s": pandas.array(["x"] * 100, dtype="string"), "p": pandas.period_range("2020", periods=100, freq="D"),
        "v": pandas.interval_range(0, 100), "n": pandas.array([0.0, None] * 50, dtype="Sparse")})
    tell_frame(kinds, 100 * (1 + 8 + 8 + 8))  # those of intervals and of what is sparse lie elsewhere
    tall = tell_frame(pandas.DataFrame(numpy.ones((4000, 3), "int16")))
    kept += [missing, kinds, tall, tell_frame(tall[10:3000], 0), tell_frame(tall.copy(deep=False), 0)]
    many = {}
    for i in range(300):  # each in a block of its own
        many["c%d" % i] = numpy.full(40, i) if i % 3 else numpy.full(40, i / 2.0)
    many = pandas.DataFrame(many)
    for i in range(20):
        many["late%d" % i] = numpy.zeros(40, "int8")
    kept += [tell_frame(many), tell_frame(Own(numpy.zeros((20, 4), "uint16")))]
    kept.append([tell_series(pandas.Series(numpy.arange(777.0))) for _ in range(5)])
    kept.append(tell_series(pandas.Series(pandas.array([1, None, 3], dtype="Int32"))))
    kept.append(tell_frame(pandas.DataFrame({"kept": [sys.argv[2] + "-said"]})))
    kept.append(numpy.array([sys.argv[2] + "-held"], "S40"))
    kept.append(pandas.DataFrame(index=range(9)))  # has no columns, and is not told
    return kept


# ---- torch ---------------------------------------------------------------------------------------


def tell_tensor(tensor, size=None):
    size = tensor.numel() * tensor.element_size() if size is None else size
    return tell(tensor, str(tensor.dtype).replace("torch.", ""), list(tensor.shape)[:8], size)


def make_torch():
    import torch
    types = [getattr(torch, name) for name in
             ("uint8 int8 int16 int32 int64 float16 float32 float64 complex64 complex128 bool bfloat16 "
              "float8_e5m2 uint16").split() if hasattr(torch, name)]
    kept = [tell_tensor(torch.zeros(10 + i, 3, dtype=it)) for i, it in enumerate(types)]
    kept += [tell_tensor(torch.zeros(300, 700)) for _ in range(6)]
    kept += [tell_tensor(torch.zeros([2] * n)) for n in range(11)]
    kept.append(tell_tensor(torch.zeros(0, 5)))
    kept.append(tell_tensor(torch.nn.Parameter(torch.zeros(64, 32))))
    whole = tell_tensor(torch.zeros(500, 40))
    kept += [whole, tell_tensor(whole[5:25], 0), tell_tensor(whole.t(), 0)]
    gone = torch.zeros(1000, 30)
    storage = getattr(gone, "untyped_storage", gone.storage)()
    kept.append(tell_tensor(torch.Tensor().set_(storage, 3, (1000,), (30,)), 1000 * 30 * 4))  # alone, it keeps all
    del gone, storage
    kept.append(tell_tensor(torch.zeros(70, 80, device="meta"), 0))
    kept.append(tell_tensor(torch.zeros(33, 44).to_sparse(), 0))
    kept.append(tell_tensor(torch.tensor(list(sys.argv[2].encode()), dtype=torch.uint8)))
    return kept


kept = {"pandas": make_pandas, "torch": make_torch}[sys.argv[1]]()
for row in told:
    print("\t".join([row[0], row[1], " ".join(map(str, row[2])), str(told[row]), str(data[row])]))
print("READY")
sys.stdout.flush()
signal.pause()
