"""Walks every route as everybody (test_roles_walk.py). For a new route there are at most three things to say:

- why it is public (`PUBLIC` in backend/api/guards.py), when nothing guards it;
- how an object is made, when a path parameter, a query or a body names a kind that objects.py does not know;
- a body that reaches the object (`BODIES` in objects.py), when the example in OpenAPI is refused for another reason.
"""
