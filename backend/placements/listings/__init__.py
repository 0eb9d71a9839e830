"""What we and our publishers say in public of who sells what: sellers.json, ads.txt, world-ads.txt."""
