// Winograd's minimal filtering for convolutions by 3x3 windows in steps of 1, padded to the size of the image, and for the
// gradients of their filters: 4 products for each pixel instead of 9, at the price of sums before and after. By Lavin and
// Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, https://arxiv.org/abs/1509.09308, F(2x2, 3x3).
//
// Included once for each width of vectors: VECTOR floats in one, ROWS of a product that fit into the registers twice, and
// TARGET, what the compiler is told of the processor. Numbers of channels are multiples of VECTOR. Pixels lie as TensorFlow has
// them: [image, row, column, channel].

typedef float Vector __attribute__((vector_size(4 * VECTOR)));
typedef float Unaligned __attribute__((vector_size(4 * VECTOR), aligned(4), may_alias));

#define INLINE TARGET __attribute__((always_inline)) inline

INLINE Vector load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
INLINE void store(float* to, Vector value) { *reinterpret_cast<Unaligned*>(to) = value; }

// c = a b, or c += a b: `rows` x (columns * VECTOR) numbers in registers. Row i of a begins at i * nextRow, its element k
// follows at k * nextElement.
template <int rows, int columns>
TARGET void block(int depth, const float* a, size_t nextRow, size_t nextElement, const float* b, size_t width, float* c,
                  bool add) {
  Vector sums[rows][columns];
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
    for (int j = 0; j < columns; j++) sums[i][j] = add ? load(c + i * width + VECTOR * j) : Vector{};
  }
  for (int k = 0; k < depth; k++) {
    Vector right[columns];
#pragma GCC unroll 2
    for (int j = 0; j < columns; j++) right[j] = load(b + k * width + VECTOR * j);
    const float* left = a + k * nextElement;
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      const float factor = left[i * nextRow];
#pragma GCC unroll 2
      for (int j = 0; j < columns; j++) sums[i][j] += factor * right[j];
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 2
    for (int j = 0; j < columns; j++) store(c + i * width + VECTOR * j, sums[i][j]);
  }
}

// The same for as many rows as are left.
template <int rows, int columns>
TARGET void lastBlock(int left, int depth, const float* a, size_t nextRow, size_t nextElement, const float* b,
                      size_t width, float* c, bool add) {
  if constexpr (rows > 0) {
    if (left == rows) block<rows, columns>(depth, a, nextRow, nextElement, b, width, c, add);
    else lastBlock<rows - 1, columns>(left, depth, a, nextRow, nextElement, b, width, c, add);
  }
}

// A product of matrices, c and b of the same width.
TARGET void product(int rows, int depth, const float* a, size_t nextRow, size_t nextElement, const float* b, size_t width,
                    float* c, bool add) {
  for (size_t column = 0; column < width; column += 2 * VECTOR) {
    const bool two = width - column >= 2 * VECTOR;
    for (int i = 0; i < rows; i += ROWS) {
      const auto multiply = rows - i >= ROWS ? (two ? &block<ROWS, 2> : &block<ROWS, 1>) : nullptr;
      const float* left = a + i * nextRow;
      float* to = c + i * width + column;
      if (multiply) multiply(depth, left, nextRow, nextElement, b + column, width, to, add);
      else if (two) lastBlock<ROWS - 1, 2>(rows - i, depth, left, nextRow, nextElement, b + column, width, to, add);
      else lastBlock<ROWS - 1, 1>(rows - i, depth, left, nextRow, nextElement, b + column, width, to, add);
    }
  }
}

// Each tile's 4x4 pixels, around the 2x2 that it gives, made 16 planes of [tile, channel].
TARGET void transformTiles(const float* x, const Shape& shape, int first, int count, const float* zeros, float* planes) {
  const int channels = shape.inputs;
  const size_t plane = static_cast<size_t>(count) * channels;
  for (int t = 0; t < count; t++) {
    const Tile tile(shape, first + t);
    const float* pixels[4][4];
    for (int i = 0; i < 4; i++) {
      for (int j = 0; j < 4; j++) {
        const int row = tile.row + i - 1, column = tile.column + j - 1;
        const bool inside = row >= 0 && row < shape.height && column >= 0 && column < shape.width;
        pixels[i][j] = inside ? x + shape.pixel(tile.image, row, column) * channels : zeros;
      }
    }
    for (int c = 0; c < channels; c += VECTOR) {
      Vector half[4][4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const Vector p0 = load(pixels[0][j] + c), p1 = load(pixels[1][j] + c);
        const Vector p2 = load(pixels[2][j] + c), p3 = load(pixels[3][j] + c);
        half[0][j] = p0 - p2;
        half[1][j] = p1 + p2;
        half[2][j] = p2 - p1;
        half[3][j] = p1 - p3;
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        float* to = planes + 4 * i * plane + static_cast<size_t>(t) * channels + c;
        store(to, half[i][0] - half[i][2]);
        store(to + plane, half[i][1] + half[i][2]);
        store(to + 2 * plane, half[i][2] - half[i][1]);
        store(to + 3 * plane, half[i][1] - half[i][3]);
      }
    }
  }
}

// The 3x3 filters made 16 planes of [channel, channel].
TARGET void transformFilter(const float* filter, size_t plane, float* planes) {
  for (size_t k = 0; k < plane; k += VECTOR) {
    Vector half[4][3];
#pragma GCC unroll 3
    for (int j = 0; j < 3; j++) {
      const Vector w0 = load(filter + j * plane + k), w1 = load(filter + (3 + j) * plane + k);
      const Vector w2 = load(filter + (6 + j) * plane + k);
      half[0][j] = w0;
      half[1][j] = (w0 + w1 + w2) * 0.5f;
      half[2][j] = (w0 - w1 + w2) * 0.5f;
      half[3][j] = w2;
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      float* to = planes + 4 * i * plane + k;
      store(to, half[i][0]);
      store(to + plane, (half[i][0] + half[i][1] + half[i][2]) * 0.5f);
      store(to + 2 * plane, (half[i][0] - half[i][1] + half[i][2]) * 0.5f);
      store(to + 3 * plane, half[i][2]);
    }
  }
}

// Sums of the planes' products made the tiles' 2x2 pixels, with the bias and a leaky ReLU of this slope below zero.
TARGET void writeTiles(const float* planes, const Shape& shape, int first, int count, const float* bias, float slope,
                       float* y) {
  const int channels = shape.outputs;
  const size_t plane = static_cast<size_t>(count) * channels;
  for (int t = 0; t < count; t++) {
    const Tile tile(shape, first + t);
    const int rows = tile.row + 1 < shape.height ? 2 : 1;
    const bool right = tile.column + 1 < shape.width;
    for (int c = 0; c < channels; c += VECTOR) {
      const float* from = planes + static_cast<size_t>(t) * channels + c;
      Vector half[2][4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const Vector m0 = load(from + j * plane), m1 = load(from + (4 + j) * plane);
        const Vector m2 = load(from + (8 + j) * plane), m3 = load(from + (12 + j) * plane);
        half[0][j] = m0 + m1 + m2;
        half[1][j] = m1 - m2 - m3;
      }
      const Vector shift = load(bias + c);
      for (int i = 0; i < rows; i++) {
        Vector pixels[2] = {half[i][0] + half[i][1] + half[i][2] + shift, half[i][1] - half[i][2] - half[i][3] + shift};
        if (slope != 1) {
          for (Vector& pixel : pixels) pixel = pixel < 0.0f ? pixel * slope : pixel;
        }
        float* to = y + shape.pixel(tile.image, tile.row + i, tile.column) * channels + c;
        store(to, pixels[0]);
        if (right) store(to + channels, pixels[1]);
      }
    }
  }
}

// Gradients of the tiles' 2x2 pixels, of zero beyond the image, made 16 planes of [tile, channel].
TARGET void transformGradients(const float* dy, const Shape& shape, int first, int count, const float* zeros,
                               float* planes) {
  const int channels = shape.outputs;
  const size_t plane = static_cast<size_t>(count) * channels;
  for (int t = 0; t < count; t++) {
    const Tile tile(shape, first + t);
    const float* pixels[2][2];
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 2; j++) {
        const bool inside = tile.row + i < shape.height && tile.column + j < shape.width;
        pixels[i][j] = inside ? dy + shape.pixel(tile.image, tile.row + i, tile.column + j) * channels : zeros;
      }
    }
    for (int c = 0; c < channels; c += VECTOR) {
      Vector half[4][2];
#pragma GCC unroll 2
      for (int j = 0; j < 2; j++) {
        const Vector upper = load(pixels[0][j] + c), lower = load(pixels[1][j] + c);
        half[0][j] = upper;
        half[1][j] = upper + lower;
        half[2][j] = upper - lower;
        half[3][j] = -lower;
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) {
        float* to = planes + 4 * i * plane + static_cast<size_t>(t) * channels + c;
        store(to, half[i][0]);
        store(to + plane, half[i][0] + half[i][1]);
        store(to + 2 * plane, half[i][0] - half[i][1]);
        store(to + 3 * plane, -half[i][1]);
      }
    }
  }
}

// 16 planes of [channel, channel] made the gradient of the 3x3 filters.
TARGET void writeFilterGradient(const float* planes, size_t plane, float* gradient) {
  for (size_t k = 0; k < plane; k += VECTOR) {
    Vector half[3][4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const Vector m0 = load(planes + j * plane + k), m1 = load(planes + (4 + j) * plane + k);
      const Vector m2 = load(planes + (8 + j) * plane + k), m3 = load(planes + (12 + j) * plane + k);
      half[0][j] = m0 + (m1 + m2) * 0.5f;
      half[1][j] = (m1 - m2) * 0.5f;
      half[2][j] = (m1 + m2) * 0.5f + m3;
    }
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
      float* to = gradient + 3 * i * plane + k;
      store(to, half[i][0] + (half[i][1] + half[i][2]) * 0.5f);
      store(to + plane, (half[i][1] - half[i][2]) * 0.5f);
      store(to + 2 * plane, (half[i][1] + half[i][2]) * 0.5f + half[i][3]);
    }
  }
}

constexpr Kernels kernels = {product, transformTiles, transformFilter, writeTiles, transformGradients, writeFilterGradient};

#undef INLINE
