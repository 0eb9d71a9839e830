"""The scene of a model: is it a tree, and how much room does it take, with all that its animations can reach?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backend.creatives.media.facts import damaged, over_budget
from backend.creatives.media.gltf_data import Box, Swing
from backend.creatives.media.gltf_json import Gltf, Node

DEPTH_MAX = 32
Affine = tuple[tuple[float, ...], ...]
"""Three rows of four: a linear part and a translation."""
IDENTITY: Affine = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))


@dataclass(frozen=True, slots=True)
class Extent:
    """Meshes in the order in which they are drawn (one may be drawn often), and the sides of the box around it all."""

    meshes: tuple[int, ...]
    sides: tuple[float, float, float]


def scene_extent(model: Gltf, boxes: Sequence[Box], swings: Mapping[int, Swing]) -> Extent:
    """What the scene shows. Raises Unprocessable `asset_damaged` when nodes form a cycle or share a child.

    A model that stands still has the exact box of its vertices' boxes. One that moves has that of the ball that no
    keyframe can leave, whichever way its nodes turn.
    """
    order = _walk(model)
    meshes = tuple(mesh for index in order if (mesh := model.nodes[index].mesh) is not None)
    if any(mesh >= len(boxes) for mesh in meshes):
        raise damaged("a node names a mesh that does not exist")
    if not meshes:
        raise damaged("the scene shows nothing")
    sides = _moving(model, boxes, swings) if swings else _still(model, boxes)
    if not all(map(math.isfinite, sides)):
        raise over_budget("the model is larger than a number can say")
    return Extent(meshes, sides)


def _walk(model: Gltf) -> list[int]:
    """Nodes of the scene, parents first; each has one parent at most (glTF 2.0 §3.5.2)."""
    order: list[int] = []
    waiting = [(index, 0) for index in model.scenes[0].nodes]
    seen: set[int] = set()
    while waiting:
        index, depth = waiting.pop()
        if index >= len(model.nodes):
            raise damaged("the scene names a node that does not exist")
        if index in seen:
            raise damaged("the nodes form a cycle, or two of them share a child")
        if depth > DEPTH_MAX:
            raise over_budget(f"nodes are nested more than {DEPTH_MAX} deep")
        seen.add(index)
        order.append(index)
        waiting += [(child, depth + 1) for child in model.nodes[index].children]
    return order


def _still(model: Gltf, boxes: Sequence[Box]) -> tuple[float, float, float]:
    corners: list[tuple[float, ...]] = []
    waiting = [(index, IDENTITY) for index in model.scenes[0].nodes]
    while waiting:
        index, parent = waiting.pop()
        node = model.nodes[index]
        placed = _product(parent, _matrix(node))
        if node.mesh is not None:
            corners += [_apply(placed, corner) for corner in _corners(boxes[node.mesh])]
        waiting += [(child, placed) for child in node.children]
    columns = list(zip(*corners, strict=True))
    width, height, depth = (max(column) - min(column) for column in columns)
    return width, height, depth


def _moving(model: Gltf, boxes: Sequence[Box], swings: Mapping[int, Swing]) -> tuple[float, float, float]:
    """Twice the radius of the ball around the origin; children come before parents in the reversed walk."""
    reach = dict.fromkeys(range(len(model.nodes)), 0.0)
    for index in reversed(_walk(model)):
        node, swing = model.nodes[index], swings.get(index, Swing())
        inner = max((reach[child] for child in node.children), default=0.0)
        if node.mesh is not None:
            inner = max(inner, *(math.hypot(*corner) for corner in _corners(boxes[node.mesh])))
        matrix = _matrix(node)
        factor = max(swing.scale, _largest_factor(node, matrix))
        shift = max(swing.translation, math.hypot(*(row[3] for row in matrix)))
        reach[index] = shift + factor * inner
    side = 2 * max(reach[index] for index in model.scenes[0].nodes)
    return side, side, side


def _largest_factor(node: Node, matrix: Affine) -> float:
    """How much longer the node's transform makes a line, at most (of a matrix its Frobenius norm is no less)."""
    if node.matrix is None:
        return max(map(abs, node.scale))
    return math.sqrt(sum(value * value for row in matrix for value in row[:3]))


def _matrix(node: Node) -> Affine:
    """The node's own transform: its matrix (column by column), or translation x rotation x scale."""
    if node.matrix is not None:
        m = node.matrix
        return (m[0], m[4], m[8], m[12]), (m[1], m[5], m[9], m[13]), (m[2], m[6], m[10], m[14])
    x, y, z, w = node.rotation
    length = math.hypot(x, y, z, w)
    if length < 1e-6:
        raise damaged("a rotation has no direction")
    x, y, z, w = x / length, y / length, z / length, w / length
    turn = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    first, second, third = (
        (*(value * factor for value, factor in zip(row, node.scale, strict=True)), shift)
        for row, shift in zip(turn, node.translation, strict=True)
    )
    return first, second, third


def _product(one: Affine, other: Affine) -> Affine:
    columns = [*zip(*other, strict=True)]
    return tuple(
        tuple(
            sum(row[k] * column[k] for k in range(3)) + (row[3] if place == 3 else 0.0)
            for place, column in enumerate(columns)
        )
        for row in one
    )


def _apply(transform: Affine, point: Sequence[float]) -> tuple[float, ...]:
    return tuple(row[0] * point[0] + row[1] * point[1] + row[2] * point[2] + row[3] for row in transform)


def _corners(box: Box) -> list[tuple[float, float, float]]:
    (x0, y0, z0), (x1, y1, z1) = box
    return [(x, y, z) for x in (x0, x1) for y in (y0, y1) for z in (z0, z1)]
