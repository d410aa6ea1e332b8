"""llama.cpp behind a batched engine. The only room that imports `llama_cpp`."""
