"""The training step with Intel MKL in place of SciPy's BLAS, if the mkl package is installed."""

from __future__ import annotations

from spikefa.bench.harness import Section, Setting, StepTimer, take_turns
from spikefa.bench.products import blas_of, own_products
from spikefa.bench.sections import sections
from spikefa.engine.kernels.blas import gemm_address


@sections.register("mkl")
def with_mkl(setting: Setting, section: Section) -> None:
    """Put Intel MKL in place of SciPy's BLAS.

    Keys ``scipy``, ``mkl``, ``mkl_products``, ``ratio``, ``speedup``; or ``mkl`` alone.
    """
    try:
        gemm_address("float32", "mkl")
    except (ValueError, OSError) as error:
        section.missing("mkl", "spikefa with MKL", str(error))
        return
    network = setting.network()
    timer = StepTimer(network)
    steps = setting.steps(network, timer)

    def step_with(library: str) -> float:
        with blas_of(network, library):
            return timer.mean_of(steps)

    jobs = {"scipy": lambda: step_with("scipy"), "mkl": lambda: step_with("mkl")}
    jobs["mkl_products"] = own_products(network, steps, "mkl")
    measured = take_turns(jobs, setting)
    section.add("scipy", "training step with SciPy's BLAS", "ms", measured["scipy"])
    section.add("mkl", "training step with MKL", "ms", measured["mkl"])
    section.add("mkl_products", "its matrix products alone, MKL", "ms", measured["mkl_products"])
    section.add("ratio", "step / products, both MKL", "x", measured["mkl"] / measured["mkl_products"])
    section.add("speedup", "SciPy's BLAS / MKL", "x", measured["scipy"] / measured["mkl"])
    section.notes.append("To train with MKL: pip install mkl, and set SPIKEFA_BLAS=mkl.")
