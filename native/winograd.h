// Convolutions by 3x3 windows, and their gradients, for processors with AVX-512 or AVX2: see winograd_kernels.h for how.
// Filters are given as 16 planes, [16, inputs, outputs].
#pragma once
#include <strings.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "workers.h"

namespace {

using std::size_t;

struct Shape {
  int batch, height, width, inputs, outputs;
  int tileRows() const { return (height + 1) / 2; }
  int tileColumns() const { return (width + 1) / 2; }
  int tiles() const { return batch * tileRows() * tileColumns(); }
  size_t pixel(int image, int row, int column) const {
    return (static_cast<size_t>(image) * height + row) * width + column;
  }
};

// Where the 2x2 pixels are that a tile gives.
struct Tile {
  int image, row, column;
  Tile(const Shape& shape, int tile)
      : image(tile / (shape.tileRows() * shape.tileColumns())),
        row(2 * (tile / shape.tileColumns() % shape.tileRows())),
        column(2 * (tile % shape.tileColumns())) {}
};

struct Kernels {
  void (*product)(int, int, const float*, size_t, size_t, const float*, size_t, float*, bool);
  void (*transformTiles)(const float*, const Shape&, int, int, const float*, float*);
  void (*transformFilter)(const float*, size_t, float*);
  void (*writeTiles)(const float*, const Shape&, int, int, const float*, float, float*);
  void (*transformGradients)(const float*, const Shape&, int, int, const float*, float*);
  void (*writeFilterGradient)(const float*, size_t, float*);
};

namespace avx512 {
#define VECTOR 16
#define ROWS 14
#define TARGET __attribute__((target("avx512f")))
#include "winograd_kernels.h"
#undef VECTOR
#undef ROWS
#undef TARGET
}  // namespace avx512

namespace avx2 {
#define VECTOR 8
#define ROWS 6
#define TARGET __attribute__((target("avx2,fma")))
#include "winograd_kernels.h"
#undef VECTOR
#undef ROWS
#undef TARGET
}  // namespace avx2

// Those for this processor, or none. The variable by which oneDNN is told to do without newer instructions counts here too.
const Kernels* kernelsHere() {
  const char* limit = std::getenv("ONEDNN_MAX_CPU_ISA");
  const auto allows = [limit](std::initializer_list<const char*> names) {
    return limit == nullptr || std::any_of(names.begin(), names.end(), [limit](const char* name) {
             return strncasecmp(limit, name, std::strlen(name)) == 0;
           });
  };
  if (__builtin_cpu_supports("avx512f") && allows({"AVX512", "AVX10", "DEFAULT"})) return &avx512::kernels;
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return avx2 && allows({"AVX2", "AVX512", "AVX10", "DEFAULT"}) ? &avx2::kernels : nullptr;
}

const Kernels* const here = kernelsHere();

// Those for so many channels: vectors of 8 where 16 do not divide them.
const Kernels& kernelsFor(int inputs, int outputs) {
  return inputs % 16 == 0 && outputs % 16 == 0 ? *here : avx2::kernels;
}

// Tiles that are computed together: what they are made into fits into the cache of a core.
constexpr int TILES = 42;
constexpr int PLANES = 16;

// Numbers that the threads of a filter's gradient may sum up in, 256 MiB: fewer threads work on larger filters.
constexpr size_t MOST_SUMS = size_t{1} << 26;

// Memory of this thread's own, which it keeps: to take it anew each time costs more than some convolutions.
float* scratch(size_t size) {
  thread_local std::vector<float> memory;
  if (memory.size() < size) memory.resize(size);
  return memory.data();
}

// As many zeros as any number of channels here.
const float* zeros(int channels) {
  thread_local std::vector<float> memory;
  if (memory.size() < static_cast<size_t>(channels)) memory.resize(channels);
  return memory.data();
}

void convolve(const Shape& shape, const float* x, const float* filter, const float* bias, float slope, int threads,
              float* y) {
  const Kernels& kernels = kernelsFor(shape.inputs, shape.outputs);
  const size_t filterPlane = static_cast<size_t>(shape.inputs) * shape.outputs;
  parallelFor(threads, (shape.tiles() + TILES - 1) / TILES, [&](int part) {
    const int first = part * TILES, count = std::min(TILES, shape.tiles() - first);
    const size_t from = static_cast<size_t>(count) * shape.inputs, to = static_cast<size_t>(count) * shape.outputs;
    float* tiles = scratch(PLANES * (from + to));
    float* sums = tiles + PLANES * from;
    kernels.transformTiles(x, shape, first, count, zeros(shape.inputs), tiles);
    for (int p = 0; p < PLANES; p++) {
      kernels.product(count, shape.inputs, tiles + p * from, shape.inputs, 1, filter + p * filterPlane, shape.outputs,
                      sums + p * to, false);
    }
    kernels.writeTiles(sums, shape, first, count, bias, slope, y);
  });
}

void filterGradient(const Shape& shape, const float* x, const float* dy, int threads, float* gradient) {
  const Kernels& kernels = kernelsFor(shape.inputs, shape.outputs);
  const size_t plane = static_cast<size_t>(shape.inputs) * shape.outputs;
  const int parts = (shape.tiles() + TILES - 1) / TILES;
  // Each thread sums over tiles of its own, into planes of its own, which are added in their order.
  const int ranges = std::max<int>(1, std::min<size_t>({static_cast<size_t>(threads), static_cast<size_t>(parts),
                                                         MOST_SUMS / (PLANES * plane)}));
  std::vector<float> sums(ranges * PLANES * plane);
  parallelFor(threads, ranges, [&](int range) {
    float* to = sums.data() + range * PLANES * plane;
    for (int part = parts * range / ranges; part < parts * (range + 1) / ranges; part++) {
      const int first = part * TILES, count = std::min(TILES, shape.tiles() - first);
      const size_t images = static_cast<size_t>(count) * shape.inputs;
      const size_t gradients = static_cast<size_t>(count) * shape.outputs;
      float* tiles = scratch(PLANES * (images + gradients));
      float* changes = tiles + PLANES * images;
      kernels.transformTiles(x, shape, first, count, zeros(shape.inputs), tiles);
      kernels.transformGradients(dy, shape, first, count, zeros(shape.outputs), changes);
      for (int p = 0; p < PLANES; p++) {
        kernels.product(shape.inputs, count, tiles + p * images, 1, shape.inputs, changes + p * gradients,
                        shape.outputs, to + p * plane, true);
      }
    }
  });
  parallelFor(threads, ranges > 1 ? PLANES : 0, [&](int p) {
    float* to = sums.data() + p * plane;
    for (int range = 1; range < ranges; range++) {
      const float* from = to + range * PLANES * plane;
      for (size_t k = 0; k < plane; k++) to[k] += from[k];
    }
  });
  kernels.writeFilterGradient(sums.data(), plane, gradient);
}

// The planes for the gradient of the images: channels swapped, and the filter back to front, by which the outer planes of
// each four change places.
void turnFilter(const float* planes, int inputs, int outputs, float* turned) {
  const size_t plane = static_cast<size_t>(inputs) * outputs;
  const auto opposite = [](int i) { return i == 0 ? 3 : i == 3 ? 0 : i; };
  constexpr int SIDE = 8;
  for (int p = 0; p < PLANES; p++) {
    const float* from = planes + (4 * opposite(p / 4) + opposite(p % 4)) * plane;
    float* to = turned + p * plane;
    for (int i = 0; i < inputs; i += SIDE) {
      for (int j = 0; j < outputs; j += SIDE) {
        for (int a = i; a < i + SIDE; a++) {
          const float* row = from + static_cast<size_t>(a) * outputs;
          for (int b = j; b < j + SIDE; b++) to[static_cast<size_t>(b) * inputs + a] = row[b];
        }
      }
    }
  }
}

}  // namespace
