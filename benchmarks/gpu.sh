#!/usr/bin/env bash
# The engine on an NVIDIA GPU, on a machine without a network: builds llama.cpp for CUDA from sources that were carried there,
# runs the engine's tests with all layers on the GPU, and measures decoding at 1 to 128 sequences. Made for ten minutes on 16
# cores. Not yet run on a GPU.
#
#     benchmarks/gpu.sh prepare FOLDER [PYTHON]   here: gather sources and wheels, for Python 3.12 unless another is named
#     benchmarks/gpu.sh run FOLDER [OUT]          there: build, test, measure; what there is to keep goes to OUT
#
# FOLDER is within 64 MiB. What is built stays in FOLDER/venv: started again, `run` goes on from there. The other machine needs
# a checkout of this repository, Python, a C++ compiler, CMake, ninja, and CUDA's compiler and libraries; cuBLAS may be a wheel's.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
here=${TMPDIR:-/tmp}

prepare() {
  local folder=$1 python=$2 version source
  mkdir -p "$folder/wheels" "$folder/sdist"
  version=$(sed -n 's/^ *"llama-cpp-python>=\([0-9.]*\),.*/\1/p' "$root/pyproject.toml")
  [ -e "$folder/sdist/llama_cpp_python-$version.tar.gz" ] ||
    python3 -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest "$folder/sdist" "llama-cpp-python==$version"
  source=$(mktemp -d "$here/gpu-XXXXXX")
  tar -xzf "$folder"/sdist/*.tar.gz -C "$source" --strip-components=1
  # What takes most of the room is not compiled.
  rm -rf "$source/.git" "$source/docs" "$source/examples"
  for unused in models docs tests benches examples tools media conversion gguf-py .git \
    ggml/src/ggml-{et,hexagon,metal,opencl,sycl,vulkan}; do
    rm -rf "${source:?}/vendor/llama.cpp/$unused"
  done
  tar -czf "$folder/llama-cpp-python.tar.gz" -C "$source" .
  rm -rf "$folder/sdist" "$source"

  local platforms=() glibc
  for glibc in 2_5 2_12 2_17 2_24 2_26 2_27 2_28; do platforms+=(--platform "manylinux_${glibc}_x86_64"); done
  platforms+=(--platform manylinux2014_x86_64 --platform manylinux1_x86_64 --platform any)
  requirements >"$folder/requirements.txt"
  python3 -m pip download --quiet --only-binary :all: --python-version "$python" --implementation cp "${platforms[@]}" \
    --dest "$folder/wheels" --requirement "$folder/requirements.txt"
  du -sh "$folder"
}

# What the engine and its tests import, what llama-cpp-python needs, and what builds it.
requirements() {
  printf '%s\n' 'numpy>=1.26' 'orjson>=3.10' 'jinja2>=3.1' 'platformdirs>=4.2' 'filelock>=3.13' 'pyyaml>=6.0' 'rich>=14.1,<16' \
    'gguf>=0.17,<0.20' 'hypothesis>=6.100' 'pytest>=8.2' 'pyte>=0.8.2' \
    'diskcache>=5.6.1' 'typing-extensions>=4.5' 'scikit-build-core>=0.9.2'
}

run() {
  local folder out venv
  folder=$(cd "$1" && pwd)
  out=$(mkdir -p "$2" && cd "$2" && pwd)
  venv=$folder/venv
  SECONDS=0
  if [ ! -e "$venv/built" ]; then build "$folder" "$venv" "$out"; fi
  echo "built after $SECONDS s"
  nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader | tee "$out/gpu.txt"

  cd "$root"
  export PYTHONPATH=$root
  local failed=0
  MARCO_TEST_GPU_LAYERS=-1 timeout 180 "$venv/bin/python" -m pytest -q -p no:cacheprovider \
    tests/engine/test_gpu.py tests/engine/test_contract.py tests/engine/test_llamacpp.py \
    -k 'gpu or contract or fork or window or alone or row or evict or fit or interrupt' 2>&1 | tee "$out/tests.txt" || failed=1
  echo "tested after $SECONDS s"

  timeout 240 "$venv/bin/python" benchmarks/engine_speed.py --dir "$folder" --shape 1.5B --gpu-layers -1 \
    --widths 1 2 4 8 16 32 64 128 --tokens 64 --repeats 1 --ways bare sampled prefill \
    --json "$out/speed.json" 2>&1 | tee "$out/speed.txt" || failed=1
  echo "measured after $SECONDS s"
  return "$failed"
}

build() {
  local folder=$1 venv=$2 out=$3 source cublas
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --no-index --find-links "$folder/wheels" --requirement "$folder/requirements.txt"
  source=$folder/source
  mkdir -p "$source"
  tar -xzf "$folder/llama-cpp-python.tar.gz" -C "$source"
  local flags=(-DGGML_CUDA=on "-DCMAKE_CUDA_ARCHITECTURES=$(architecture)" -DGGML_CUDA_NO_VMM=on -DLLAVA_BUILD=off
    -DLLAMA_OPENSSL=off)
  cublas=$(wheel_cublas)
  if [ -n "$cublas" ]; then
    flags+=("-DCUDA_cublas_LIBRARY=$cublas/lib/libcublas.so.13" "-DCUDA_cublasLt_LIBRARY=$cublas/lib/libcublasLt.so.13")
    export CPATH=$cublas/include${CPATH:+:$CPATH}
  fi
  PATH=$venv/bin:$PATH CMAKE_ARGS="${flags[*]}" CMAKE_BUILD_PARALLEL_LEVEL=$(nproc) CMAKE_GENERATOR=Ninja \
    timeout 540 "$venv/bin/pip" install --no-index --no-deps --no-build-isolation --verbose \
    --config-settings "build-dir=$folder/build" "$source" >"$out/build.txt" 2>&1 ||
    { tail -n 40 "$out/build.txt" >&2; exit 1; }
  touch "$venv/built"
}

# The GPU's own, such as 90: code for others would take as long again.
architecture() {
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .
}

# Where the toolkit has no cuBLAS, a Python package may have brought it.
wheel_cublas() {
  local nvcc toolkit
  nvcc=$(readlink -f "$(command -v nvcc)")
  toolkit=$(dirname "$(dirname "$nvcc")")
  [ -e "$toolkit/include/cublas_v2.h" ] || [ -e /usr/local/cuda/include/cublas_v2.h ] && return
  python3 -c 'import importlib.util, pathlib
spec = importlib.util.find_spec("nvidia")
for place in spec.submodule_search_locations if spec else ():
    for file in pathlib.Path(place).glob("cu*/include/cublas_v2.h"):
        print(file.parents[1])' | head -n 1
}

case ${1:-} in
  prepare) prepare "${2:?a folder}" "${3:-3.12}" ;;
  run) run "${2:?a folder}" "${3:-$2/out}" ;;
  *)
    sed -n '2,10s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
