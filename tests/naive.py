"""The slow, obvious truth: the equations as plain loops. Imports nothing from spikefa."""

import math


def propagate(W, s, b):
    """I[j][k] = sum_i s[i][k] W[i][j] + b[j]."""
    n_pre, n_post, streams = len(W), len(W[0]), len(s[0])
    current = [[0.0] * streams for _ in range(n_post)]
    for j in range(n_post):
        for k in range(streams):
            total = b[j]
            for i in range(n_pre):
                total += s[i][k] * W[i][j]
            current[j][k] = total
    return current


def update(W, pre, post, scale, keep):
    """W[i][j] <- keep W[i][j] + scale sum_k pre[i][k] post[j][k]."""
    n_pre, n_post, streams = len(W), len(W[0]), len(pre[0])
    changed = [[0.0] * n_post for _ in range(n_pre)]
    for i in range(n_pre):
        for j in range(n_post):
            total = 0.0
            for k in range(streams):
                total += pre[i][k] * post[j][k]
            changed[i][j] = keep * W[i][j] + scale * total
    return changed


def logistic(v):
    return 1 / (1 + math.exp(-v))


def softmax(v, groups):
    """y[i] = exp(v[i]) / sum of exp(v[j]) over the units j of its group, j mod groups = i mod groups."""
    y = []
    for i in range(len(v)):
        total = 0.0
        for j in range(len(v)):
            if j % groups == i % groups:
                total += math.exp(v[j] - v[i])
        y.append(1 / total)
    return y


class LillicrapNetwork:
    """The spiking network of Lillicrap et al. 2016, one unit, one stream, one synapse at a time.

    Weights are lists W[l][i][j] from layer l to l + 1, B[l][m][j] from feedback l + 1 to feedback l.
    """

    def __init__(self, W, b, B, sizes, streams, a, eta, gamma):
        self.W, self.b, self.B, self.sizes, self.streams = W, b, B, sizes, streams
        self.a, self.eta, self.gamma = a, eta, gamma
        self.v = [[[0.0] * streams for _ in range(n)] for n in sizes[1:]]
        self.u = [[[0.0] * streams for _ in range(n)] for n in sizes[1:]]
        self.s = [[[0.0] * streams for _ in range(n)] for n in sizes]

    def step(self, pixels, labels, classes, random, max_rate=0.95):
        """One step; random[l][i][k] are the uniform numbers of layer l."""
        a, layers = self.a, len(self.sizes) - 1
        for i in range(self.sizes[0]):
            for k in range(self.streams):
                self.s[0][i][k] = float(random[0][i][k] < min(pixels[k][i], max_rate))
        for l in range(layers):
            current = propagate(self.W[l], self.s[l], self.b[l])
            for j in range(self.sizes[l + 1]):
                for k in range(self.streams):
                    self.v[l][j][k] = (1 - a) * self.v[l][j][k] + a * current[j][k]
                    self.s[l + 1][j][k] = float(random[l + 1][j][k] < logistic(self.v[l][j][k]))
        group = self.sizes[-1] // classes
        top = layers - 1
        for j in range(self.sizes[-1]):
            for k in range(self.streams):
                target = 1.0 if j // group == labels[k] else 0.0
                self.u[top][j][k] = (1 - a) * self.u[top][j][k] + a * (self.s[-1][j][k] - target)
        for l in range(top - 1, -1, -1):
            delta = [[math.tanh(u) for u in row] for row in self.u[l + 1]]
            signal = propagate(self.B[l], delta, [0.0] * self.sizes[l + 1])
            for j in range(self.sizes[l + 1]):
                for k in range(self.streams):
                    self.u[l][j][k] = (1 - a) * self.u[l][j][k] + a * signal[j][k]
        for l in range(layers):
            for j in range(self.sizes[l + 1]):
                change_b = 0.0
                for k in range(self.streams):
                    p = logistic(self.v[l][j][k])
                    g = math.tanh(self.u[l][j][k]) * p * (1 - p)
                    change_b += g
                self.b[l][j] += -self.eta * change_b - self.gamma * self.b[l][j]
                for i in range(self.sizes[l]):
                    change = 0.0
                    for k in range(self.streams):
                        p = logistic(self.v[l][j][k])
                        change += math.tanh(self.u[l][j][k]) * p * (1 - p) * self.s[l][i][k]
                    self.W[l][i][j] += -self.eta * change - self.gamma * self.W[l][i][j]


def transposed(W):
    return [[W[i][j] for i in range(len(W))] for j in range(len(W[0]))]


def signs(W, scale):
    return [[scale * ((w > 0) - (w < 0)) for w in row] for row in W]


def gated(J, y):
    """J * tanh', of the output y = tanh(v)."""
    return [[J[j][k] * (1 - y[j][k] ** 2) for k in range(len(J[0]))] for j in range(len(J))]


def rate_forward(W, b, x, noise=None, on_outputs=False):
    """Outputs [x, y_1, y_2, ...] of a tanh network; noise[l][j][k] is added to the currents, or to the outputs."""
    y = [x]
    for l in range(len(W)):
        current = propagate(W[l], y[-1], b[l])
        y.append([[0.0] * len(row) for row in current])
        for j in range(len(current)):
            for k in range(len(current[0])):
                extra = noise[l][j][k] if noise is not None and l < len(noise) else 0.0
                before, after = (0.0, extra) if on_outputs else (extra, 0.0)
                y[-1][j][k] = math.tanh(current[j][k] + before) + after
    return y


def top_delta(y, target):
    """Derivative of the squared error by the last layer's currents."""
    error = [[o - t for o, t in zip(*rows, strict=True)] for rows in zip(y[-1], target, strict=True)]
    return gated(error, y[-1])


def deltas_down(y, target, B):
    """Deltas of all layers, bottom up; B[l] leads from layer l + 2 to layer l + 1."""
    deltas = [top_delta(y, target)]
    for l in range(len(B) - 1, -1, -1):
        zeros = [0.0] * len(B[l][0])
        deltas.insert(0, gated(propagate(B[l], deltas[0], zeros), y[l + 1]))
    return deltas


def product(a, b):
    """a * b, element by element."""
    return [[x * y for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]


def approach(a, b, fraction):
    """a, some of the way to b."""
    return [[x + fraction * (y - x) for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]


def squared_error(y, target):
    """Half the squared error of each stream, of one unit: [[...]]."""
    streams = range(len(y[0]))
    return [[sum((o[k] - t[k]) ** 2 / 2 for o, t in zip(y, target, strict=True)) for k in streams]]


def deltas_direct(y, target, B):
    """Deltas of all layers; B[l] leads from the error to layer l + 1."""
    top = top_delta(y, target)
    hidden = [gated(propagate(B[l], top, [0.0] * len(B[l][0])), y[l + 1]) for l in range(len(B))]
    return [*hidden, top]


def deltas_up(y, target, B, W):
    """Deltas of all layers; B leads from the error to layer 1, W[l] on from layer l."""
    top = top_delta(y, target)
    deltas = [gated(propagate(B, top, [0.0] * len(B[0])), y[1])]
    for l in range(1, len(W) - 1):
        deltas.append(gated(propagate(W[l], deltas[-1], [0.0] * len(W[l][0])), y[l + 1]))
    return [*deltas, top]


def loss_changes(y, noisy, target):
    """Change of each stream's squared error."""
    change = [0.0] * len(target[0])
    for k in range(len(target[0])):
        for j in range(len(target)):
            change[k] += (noisy[-1][j][k] - target[j][k]) ** 2 / 2 - (y[-1][j][k] - target[j][k]) ** 2 / 2
    return change


def deltas_perturbed(y, noisy, target, noise, c):
    """Deltas of all layers by node perturbation: the change of each stream's loss, times the unit's own noise."""
    change = loss_changes(y, noisy, target)
    return [[[change[k] * row[k] / c**2 for k in range(len(row))] for row in layer] for layer in noise]


def predictive_feedback(B, deltas, y, noisy, target, noise, c, eta):
    """B[l], from layer l + 2 to layer l + 1, after a step toward what the noise of layer l + 1 did to the loss."""
    change = loss_changes(y, noisy, target)
    learned = []
    for l in range(len(B)):
        above = deltas[l + 1]
        said = propagate(B[l], above, [0.0] * len(B[l][0]))
        off = [[said[j][k] - change[k] * noise[l][j][k] / c**2 for k in range(len(change))] for j in range(len(said))]
        learned.append(update(B[l], above, off, -eta, 1.0))
    return learned


def learn(W, b, y, deltas, eta):
    """Plain gradient-like steps of all layers for which there is a delta; the bias as from a unit that is 1."""
    for l in range(len(W)):
        if deltas[l] is not None:
            W[l] = update(W[l], y[l], deltas[l], -eta, 1.0)
            b[l] = [b[l][j] - eta * sum(deltas[l][j]) for j in range(len(b[l]))]


def eligibility(W, b, steps, rule):
    """Weights and biases after some steps of a rule with states of each synapse in each stream.

    A step is [pre, post], dicts of lists [unit][stream]; ``rule(states, pre, post)`` brings the states, a dict that is
    empty at first, up to date and returns dW of one synapse in one stream. The bias's unit is 1 in every step.
    """
    W, b, states = [list(row) for row in W], list(b), {}

    def change(i, j, pre, post):
        total = 0.0
        for k in range(len(next(iter(post.values()))[0])):
            a = dict.fromkeys(pre, 1.0) if i is None else {n: pre[n][i][k] for n in pre}
            total += rule(states.setdefault((i, j, k), {}), a, {n: post[n][j][k] for n in post})
        return total

    for pre, post in steps:
        for j in range(len(b)):
            b[j] += change(None, j, pre, post)
            for i in range(len(W)):
                W[i][j] += change(i, j, pre, post)
    return W, b


# Optimizers: functions of (memory, change, local, lr) of one synapse, which return what the weight moves by. `change`
# is the sum over the streams without the learning rate, `local` the rest of the rule; `memory` is a dict, empty at
# first.


def sgd(memory, change, local, lr):
    """lr dW."""
    return lr * change + local


def momentum(memory, change, local, lr, momentum=0.9):
    """v = momentum v + lr dW."""
    memory["v"] = momentum * memory.get("v", 0.0) + lr * change + local
    return memory["v"]


def rmsprop(memory, change, local, lr, decay=0.99):
    """lr dW / (root of the running mean of dW**2 + 1e-8)."""
    change += local
    memory["m"] = decay * memory.get("m", 0.0) + (1 - decay) * change**2
    return lr * change / (math.sqrt(memory["m"]) + 1e-8)


def adam(memory, change, local, lr, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """lr m / (sqrt(v) + epsilon) of the two means, each divided by 1 - beta**t in step t."""
    change += local
    t = memory["t"] = memory.get("t", 0) + 1
    memory["m"] = beta1 * memory.get("m", 0.0) + (1 - beta1) * change
    memory["v"] = beta2 * memory.get("v", 0.0) + (1 - beta2) * change**2
    return lr * (memory["m"] / (1 - beta1**t)) / (math.sqrt(memory["v"] / (1 - beta2**t)) + epsilon)


#: Optimizer -> its plain loops.
OPTIMIZERS = {"adam": adam, "momentum": momentum, "rmsprop": rmsprop, "sgd": sgd}


# Maps of units: x[map][y][x][stream], weights W[map in][i][j][map out].


def _received(x, c, at_y, at_x, k):
    inside = 0 <= at_y < len(x[c]) and 0 <= at_x < len(x[c][0])
    return x[c][at_y][at_x][k] if inside else 0.0


def _windows(W, x, rows, columns, stride, padding):
    """Every synapse: (weight, unit that receives, what it receives in each stream)."""
    for m in range(len(W[0][0][0])):
        for y in range(rows):
            for z in range(columns):
                for c in range(len(W)):
                    for i in range(len(W[0])):
                        for j in range(len(W[0])):
                            at = y * stride + i - padding, z * stride + j - padding
                            got = [_received(x, c, *at, k) for k in range(len(x[0][0][0]))]
                            yield (c, i, j, m), (m, y, z), at, got


def convolve(W, x, b, rows, columns, stride, padding):
    """Outputs [map][y][x][stream] of a convolution."""
    streams = range(len(x[0][0][0]))
    out = [[[[bias for _ in streams] for _ in range(columns)] for _ in range(rows)] for bias in b]
    for (c, i, j, m), (_, y, z), _, got in _windows(W, x, rows, columns, stride, padding):
        for k in streams:
            out[m][y][z][k] += W[c][i][j][m] * got[k]
    return out


def convolve_back(W, x, e, stride, padding):
    """What the transpose of a convolution of x makes of e, in the shape of x."""
    back = [[[[0.0] * len(place) for place in row] for row in one] for one in x]
    for (c, i, j, m), (_, y, z), at, _ in _windows(W, x, len(e[0]), len(e[0][0]), stride, padding):
        if 0 <= at[0] < len(x[0]) and 0 <= at[1] < len(x[0][0]):
            for k in range(len(e[0][0][0])):
                back[c][at[0]][at[1]][k] += W[c][i][j][m] * e[m][y][z][k]
    return back


def convolve_update(W, x, e, scale, keep, stride, padding):
    """W <- keep W + scale * sum over the places and streams of what is received times e."""
    new = [[[[keep * w for w in row] for row in rows] for rows in one] for one in W]
    for (c, i, j, m), (_, y, z), _, got in _windows(W, x, len(e[0]), len(e[0][0]), stride, padding):
        new[c][i][j][m] += scale * sum(a * b for a, b in zip(got, e[m][y][z], strict=True))
    return new


def pool(x, rows, columns, field, stride, kind):
    """Outputs [map][y][x][stream], and what share of them a place has: {(map, y, x, stream, its y, its x): share}."""
    out, shares = [], {}
    for c in range(len(x)):
        out.append([[[0.0] * len(x[0][0][0]) for _ in range(columns)] for _ in range(rows)])
        for y in range(rows):
            for z in range(columns):
                for k in range(len(x[0][0][0])):
                    window = [(y * stride + i, z * stride + j) for i in range(field) for j in range(field)]
                    values = [x[c][a][b][k] for a, b in window]
                    best = values.index(max(values))
                    for n, (a, b) in enumerate(window):
                        share = float(n == best) if kind == "max" else 1 / field**2
                        out[c][y][z][k] += share * values[n]
                        shares[c, y, z, k, a, b] = share
    return out, shares


def pool_back(x, e, shares):
    """What pooling sends back of e, in the shape of x."""
    back = [[[[0.0] * len(place) for place in row] for row in one] for one in x]
    for (c, y, z, k, a, b), share in shares.items():
        back[c][a][b][k] += share * e[c][y][z][k]
    return back
