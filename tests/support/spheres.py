"""A sphere seen by cameras around it, for tests of the renderer."""

import numpy as np

from refimpl.rendering import camera, shapes
from refimpl.rendering.mesh import face_vertices


def ball(views=1, level=2, angle=15.0):
    """Triangles (views, F, 3, 3) of an icosphere of radius 1/2 seen from a ring of cameras."""
    solid = shapes.icosphere(level, 0.5)
    eye = camera.eye_from_angles(
        np.full(views, 2.732), np.full(views, 30.0), 40.0 * np.arange(views)
    )
    vertices = np.broadcast_to(solid.vertices, (views, *solid.vertices.shape))
    return face_vertices(camera.perspective(camera.look_at(vertices, eye), angle), solid.faces)
