"""What the tests of the deployment scripts share: chains that look public, people with keys, a node that misbehaves."""
