"""Archives of the Barcelona Neural Networking Center (RouteNet), as graphs."""
