"""How the shipped reader (`index/data/reader/model.onnx`) is trained, exported and judged; no part of the product."""
