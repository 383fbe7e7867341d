# Leaves out of llama.cpp what marco never uses: the code that llama.cpp's own programs share. What computes stays as it is.
# See docs/install.md, "Compiling in less time".
set(LLAMA_BUILD_COMMON OFF)
