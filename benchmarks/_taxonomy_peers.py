"""How each method of ``taxonomies.py`` is run: one job in, points and seconds out.

    python _taxonomy_peers.py JOB.json RESULT.npz

A job is a dict with ``method``, ``geometry``, ``dim``, ``lr``, ``seed``, ``epochs``, ``burn_in``,
``negatives``, ``batch_size``, ``threads``, further ``options`` of ours, the file ``pairs`` (an
array ``(E, 2)`` of node and ancestor), the number of ``nodes`` and, for methods that are not
installed, the folder ``checkout``. The result holds ``points`` in the order of the nodes, in
coordinates of the geometry, and as JSON ``seconds`` of processor time spent in training, without
imports, and ``version``.

The peers' interpreter may lack hyperhier: nothing of it is imported unless ours is run.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Job = dict[str, Any]
Result = tuple[Array, Array, str]

BURN_IN_RATE = 0.1


def ours(job: Job) -> Result:
    import torch
    from _taxonomy_data import wordnet

    import hyperhier
    from hyperhier.embedding import ConstructiveEmbedder, RankingEmbedder

    torch.set_num_threads(job["threads"])
    given = {"manifold": job["geometry"], "dim": job["dim"], "seed": job["seed"]}
    embedder: Any
    if job["method"] == "ours constructive":
        embedder = ConstructiveEmbedder(**given)
    else:
        settings = ("epochs", "burn_in", "negatives", "batch_size", "threads")
        given |= {key: job[key] for key in settings} | job["options"]
        embedder = RankingEmbedder(**given, lr=job["lr"])
        RankingEmbedder(**{**given, "epochs": 1}).fit("demo")  # compiles, or reads what is compiled
    taxonomy, kept = wordnet(job["dataset"], Path(job["data"]))
    start = clock()
    points = embedder.fit(taxonomy).embedding_.points
    seconds = clock() - start
    return points[kept].numpy(), seconds, hyperhier.__version__


def poincare_embeddings(job: Job) -> Result:
    """facebookresearch/poincare-embeddings, as its ``train-mammals.sh`` calls it.

    Its evaluation is left out, with what that imports, and its fixed seed replaced.
    """
    os.environ.setdefault("TQDM_DISABLE", "1")
    checkout = Path(job["checkout"]).resolve()
    sys.path.insert(0, str(checkout))
    import hype.graph
    import torch
    from hype import train

    other = ModuleType("hype.hypernymy_eval")  # needs a package that is not on PyPI
    sys.modules[other.__name__], vars(other)["main"] = other, None
    hype.graph.eval_reconstruction = lambda *args, **kwargs: (0.0, 0.0)
    for module, name in ((torch, "manual_seed"), (np.random, "seed")):
        seed = getattr(module, name)
        setattr(module, name, lambda _, seed=seed: seed(job["seed"]))
    spent = []
    inner = train.train

    def timed(*args: Any, **kwargs: Any) -> None:
        start = clock()
        inner(*args, **kwargs)
        spent.append(clock() - start)

    train.train = timed
    with tempfile.TemporaryDirectory() as folder:
        table, model = Path(folder, "closure.csv"), Path(folder, "model.bin")
        rows = "".join(f"{node},{ancestor},1\n" for node, ancestor in np.load(job["pairs"]))
        table.write_text("id1,id2,weight\n" + rows)
        options = {
            "-dset": table, "-checkpoint": model, "-manifold": job["geometry"], "-dim": job["dim"],
            "-lr": job["lr"], "-epochs": job["epochs"], "-negs": job["negatives"],
            "-burnin": job["burn_in"], "-batchsize": job["batch_size"], "-ndproc": 1,
            "-eval_each": job["epochs"], "-train_threads": job["threads"], "-gpu": -1,
        }  # fmt: skip
        words = [str(word) for pair in options.items() for word in pair]
        sys.argv = ["embed.py", *words, "-fresh", "-sparse", "-quiet"]
        start = clock()
        runpy.run_path(str(checkout / "embed.py"), run_name="__main__")
        whole = clock() - start  # of several threads, which are processes
        held = max(Path(folder).glob("model.bin*"), key=lambda path: path.stat().st_mtime)
        state = torch.load(held, map_location="cpu", weights_only=False)
    vectors = state["embeddings"].numpy()
    points = np.empty_like(vectors)
    points[np.array(state["objects"], dtype=int)] = vectors
    return points, spent[0] if spent else whole, checkout.name


def gensim(job: Job) -> Result:
    import gensim as package
    from gensim.models.poincare import PoincareModel

    pairs = np.load(job["pairs"]).astype(str).tolist()
    start = clock()
    model = PoincareModel(
        pairs,
        size=job["dim"],
        alpha=job["lr"],
        negative=job["negatives"],
        burn_in=job["burn_in"],
        seed=job["seed"],
        workers=job["threads"],
    )
    model.train(epochs=job["epochs"], batch_size=job["batch_size"], print_every=10**9)
    seconds = clock() - start
    points = np.stack([model.kv[str(node)] for node in range(job["nodes"])])
    return inside(points, 1.0 - model.epsilon), seconds, package.__version__


def lateral(job: Job) -> Result:
    """lateral/poincare-embeddings and, with "lorentz", lateral/geodesic-poincare-embeddings.

    Burn-in is a first run with few negatives and a hundredth of the rate, as the readme says.
    """
    binary = str(Path(job["checkout"], "build", "poincare").resolve())
    with tempfile.TemporaryDirectory() as folder:
        table, vectors = Path(folder, "closure.tsv"), Path(folder, "vectors.csv")
        np.savetxt(table, np.load(job["pairs"]), fmt="%d", delimiter="\t")

        def call(epochs: int, rate: float, negatives: int, power: int, more: list[str]) -> None:
            options = {
                "-graph": table, "-output-vectors": vectors, "-dimension": job["dim"],
                "-start-lr": rate, "-end-lr": rate, "-epochs": epochs, "-threads": job["threads"],
                "-number-negatives": negatives, "-distribution-power": power, "-seed": job["seed"],
            }  # fmt: skip
            run([binary, *(str(word) for pair in options.items() for word in pair), *more])

        start = clock()
        if job["burn_in"]:
            call(job["burn_in"], 0.01 * job["lr"], 2, 1, [])
        more = ["-input-vectors", str(vectors)] if job["burn_in"] else []
        call(job["epochs"], job["lr"], job["negatives"], 0, more)
        seconds = clock() - start
        points = read_vectors(vectors, " ", job["nodes"])
    if job["geometry"] == "lorentz":  # trained there, written as points of the ball
        square = (inside(points, 1.0 - 1e-15) ** 2).sum(axis=1, keepdims=True)
        points = np.hstack((1.0 + square, 2.0 * points)) / (1.0 - square)
    else:
        points = inside(points, (1.0 - 1e-5) ** 0.5)
    return points, seconds, Path(job["checkout"]).name


def shirakawa(job: Job) -> Result:
    """TatsuyaShirakawa/poincare-embedding: its rate falls linearly to a hundredth.

    Its generator takes 0 for 1, so seeds are counted from 1.
    """
    binary = str(Path(job["checkout"], "work", "poincare_embedding").resolve())
    with tempfile.TemporaryDirectory() as folder:
        table, vectors = Path(folder, "closure.tsv"), Path(folder, "vectors.csv")
        np.savetxt(table, np.load(job["pairs"]), fmt="%d", delimiter="\t")
        options = {
            "-d": job["dim"], "-e": job["epochs"], "-n": job["negatives"], "-l": job["lr"],
            "-L": 0.01 * job["lr"], "-s": job["seed"] + 1, "-t": job["threads"],
        }  # fmt: skip
        words = [str(word) for pair in options.items() for word in pair]
        start = clock()
        run([binary, str(table), str(vectors), *words])
        seconds = clock() - start
        points = read_vectors(vectors, "\t", job["nodes"])
    return inside(points, 1.0 - 1e-6), seconds, Path(job["checkout"]).name


def geoopt(job: Job) -> Result:
    """The objective in plain PyTorch on geoopt's manifolds, with its RiemannianAdam."""
    import geoopt as package
    import torch

    torch.manual_seed(job["seed"])
    torch.set_num_threads(job["threads"])
    features = 1e-3 * torch.randn(job["nodes"], job["dim"], dtype=torch.float64)
    if job["geometry"] == "lorentz":
        manifold = package.Lorentz()
        start = manifold.expmap0(torch.cat((torch.zeros_like(features[:, :1]), features), dim=1))
    else:
        manifold = package.PoincareBall()
        start = manifold.expmap0(features)
    points = package.ManifoldParameter(start, manifold=manifold)
    optimizer = package.optim.RiemannianAdam([points], lr=job["lr"])

    def distance(rows: Any, columns: Any) -> Any:
        return manifold.dist(points[rows], points[columns])

    seconds = minimise(job, distance, optimizer)
    return points.detach().numpy(), seconds, package.__version__


def hypll(job: Job) -> Result:
    """HypLL as in its tutorial of Poincaré embeddings, with negatives drawn in tensors.

    Its curvature is the softplus of what is given, 1.313 for 1: the ball is scaled to that of 1.
    """
    sys.path.insert(0, job["checkout"])
    import torch
    from hypll.manifolds.poincare_ball import Curvature, PoincareBall
    from hypll.nn import HEmbedding
    from hypll.optim import RiemannianSGD

    torch.manual_seed(job["seed"])
    torch.set_num_threads(job["threads"])
    torch.set_default_dtype(torch.float64)
    ball = PoincareBall(Curvature(1.0))
    model = HEmbedding(job["nodes"], job["dim"], ball)
    optimizer = RiemannianSGD(model.parameters(), lr=job["lr"])

    def distance(rows: Any, columns: Any) -> Any:
        return ball.dist(x=model(rows.expand_as(columns)), y=model(columns))

    seconds = minimise(job, distance, optimizer)
    points = (model.weight.tensor * ball.c().sqrt()).detach()
    return points.numpy(), seconds, Path(job["checkout"]).name


def minimise(job: Job, distance: Callable[[Any, Any], Any], optimizer: Any) -> Array:
    """Softmax over sampled negatives that are no ancestors, by autograd; seconds taken."""
    import torch

    pairs, size = torch.from_numpy(np.load(job["pairs"])), job["nodes"]
    known = (pairs[:, 0] * size + pairs[:, 1]).sort().values
    start = clock()
    for epoch in range(job["burn_in"] + job["epochs"]):
        rate = job["lr"] * (BURN_IN_RATE if epoch < job["burn_in"] else 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate
        for batch in pairs[torch.randperm(len(pairs))].split(job["batch_size"]):
            node, ancestor = batch[:, :1], batch[:, 1:]
            others = torch.randint(size, (len(batch), job["negatives"]))
            key = node * size + others
            at = torch.searchsorted(known, key).clamp(max=len(known) - 1)
            barred = (known[at] == key) | (others == node)
            logits = -distance(node, torch.cat((ancestor, others), dim=1))
            logits = torch.cat((logits[:, :1], logits[:, 1:].masked_fill(barred, -torch.inf)), 1)
            loss = (logits.logsumexp(dim=1) - logits[:, 0]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return clock() - start


def run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-300:]}")


def clock() -> Array:
    """Seconds of processor time, with those of finished children, and of wall time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return np.array([time.process_time() + used.ru_utime + used.ru_stime, time.perf_counter()])


def read_vectors(path: Path, delimiter: str, nodes: int) -> Array:
    table = np.loadtxt(path, delimiter=delimiter)
    points = np.full((nodes, table.shape[1] - 1), np.nan)
    points[table[:, 0].astype(int)] = table[:, 1:]
    return points


def inside(points: Array, largest: float) -> Array:
    """Pulled back to the norm at which the peer itself clips; some of its points lie outside."""
    norm = np.linalg.norm(points, axis=1, keepdims=True)
    return points * np.minimum(1.0, largest / np.maximum(norm, largest))


RUNNERS: dict[str, Callable[[Job], Result]] = {
    "ours constructive": ours,
    "ours ranking": ours,
    "ours ranking, random start": ours,
    "ours ranking, random start, long": ours,
    "ours ranking, all negatives": ours,
    "ours ranking torch": ours,
    "poincare-embeddings": poincare_embeddings,
    "gensim": gensim,
    "lateral": lateral,
    "lateral-geodesic": lateral,
    "shirakawa": shirakawa,
    "geoopt": geoopt,
    "hypll": hypll,
}


def main(job_file: str, result_file: str) -> None:
    job = json.loads(Path(job_file).read_text())
    points, (seconds, wall), version = RUNNERS[job["method"]](job)
    info = {"seconds": seconds, "wall": wall, "version": version, "peak_mib": peak_mib()}
    np.savez(result_file, points=points, info=json.dumps(info))


def peak_mib() -> float:
    """Of this process since it began (ru_maxrss would count who started it), and its children."""
    with open("/proc/self/status") as status:
        own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
