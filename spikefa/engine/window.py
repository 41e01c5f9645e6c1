"""Windows: which places of a population's maps those of another receive from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spikefa._checks import is_whole, positive_int, refuse, whole

#: Maps, height and width.
Grid = tuple[int, int, int]


@dataclass(frozen=True)
class Window:
    """Squares of `field` x `field` places, `stride` apart, from which each place of `post` receives.

    Parameters
    ----------
    pre, post : (int, int, int)
        Maps, height and width.
    field, stride, padding : int
        As in `map_units`.
    transposed : bool
        Whether `post` has the squares, from which each place of `pre` would receive; its way back.
    """

    pre: Grid
    post: Grid
    field: int
    stride: int = 1
    padding: int = 0
    transposed: bool = False

    @property
    def weights_shape(self) -> tuple[int, int, int, int]:
        """Maps of `pre`, twice the field, and maps of `post`."""
        return self.pre[0], self.field, self.field, self.post[0]

    @property
    def geometry(self) -> tuple[int, int, int, int, int]:
        """What the kernels take, see `spikefa.engine.kernels.convolution`."""
        along = (1, self.stride, -1) if self.transposed else (self.stride, 1, 1)
        return self.field, self.padding, *along

    @property
    def reversed(self) -> Window:
        """The way back, from `post` to `pre`."""
        return Window(self.post, self.pre, self.field, self.stride, self.padding, not self.transposed)

    def _along(self, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return, along one direction, where what arrives comes from and goes to, and the position in the window."""
        field, padding, step, divide, sign = self.geometry
        at = np.arange(self.post[axis])[:, None] * step + sign * (np.arange(field) - padding)
        to, k = np.nonzero((at % divide == 0) & (at >= 0) & (at < self.pre[axis] * divide))
        return at[to, k] // divide, to, k

    @property
    def synapse_count(self) -> int:
        """How many synapses share the weights."""
        return self.pre[0] * self.post[0] * len(self._along(1)[0]) * len(self._along(2)[0])

    def synapses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return presynaptic and post-synaptic unit of each synapse, and its weight's place in the flat weights."""
        (maps_in, height, width), (maps_out, rows, columns) = self.pre, self.post
        (y, y_to, ky), (x, x_to, kx) = self._along(1), self._along(2)
        one, a, b, other = np.ogrid[:maps_in, : len(y), : len(x), :maps_out]
        pre = (one * height + y[a]) * width + x[b]
        post = (other * rows + y_to[a]) * columns + x_to[b]
        place = ((one * self.field + ky[a]) * self.field + kx[b]) * maps_out + other
        return tuple(array.ravel() for array in np.broadcast_arrays(pre, post, place))


def map_units(units: Grid, field: int, *, stride: int = 1, padding: int = 0, maps: int | None = None) -> Grid:
    """Return maps, height and width of a population that receives from windows of another.

    Parameters
    ----------
    units : (int, int, int)
        Maps, height and width of the other population.
    field : int
        Side of the square window.
    stride : int
        Distance of neighbouring windows. Those that would stick out are left out, so that the last places may be in
        none.
    padding : int
        Places of zeros around each map, fewer than the field.
    maps : int, optional
        Maps of the population; as many as the other has by default.

    Returns
    -------
    (int, int, int)
        `maps`, and for height and width ``(length + 2 * padding - field) // stride + 1``.

    Raises
    ------
    ArgumentError
        If a number is not in its range, or the window is larger than the padded maps.

    Examples
    --------
    >>> import spikefa as fa
    >>> fa.map_units((1, 28, 28), field=5, maps=32)
    (32, 24, 24)
    >>> fa.map_units((32, 24, 24), field=2, stride=2)
    (32, 12, 12)
    """
    return checked_units("map_units", units, field, stride, padding, maps)


def checked_units(owner: str, units: Grid, field: int, stride: int, padding: int, maps: int | None) -> Grid:
    """Return what `map_units` does; `owner` begins messages.

    Raises
    ------
    ArgumentError
        As there.
    """
    if not (isinstance(units, tuple | list) and len(units) == 3 and all(is_whole(n) and n > 0 for n in units)):
        refuse(owner, "units", "be (maps, height, width)", units)
    for name, value in (("field", field), ("stride", stride)):
        positive_int(owner, name, value)
    maps = units[0] if maps is None else positive_int(owner, "maps", maps)
    whole(owner, "padding", padding, 0, field - 1)
    _, height, width = map(int, units)
    if field > min(height, width) + 2 * padding:
        refuse(owner, "field", f"fit the maps of {height} x {width} units with padding {padding}", field)
    return int(maps), *((length + 2 * padding - field) // stride + 1 for length in (height, width))
