"""The engine room that looks at what people hand in: numbers, data, nets, optimisers."""
