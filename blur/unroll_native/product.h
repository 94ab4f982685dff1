// Blocked products, for one kind of CPU. kernels.h includes this file.

// The sums of a tile stay in registers, of which there are 32 with AVX-512 and 16 without.
constexpr int kTileRows = WIDTH == 64 ? 12 : 6, kTileVectors = 2, kAhead = 16;

// R rows and V vectors of `out`, from this row and column on.
// RowsAdjoin: left_row is 1; otherwise left_depth is. A stride that the compiler knows takes no register.
template <int R, int V, bool RowsAdjoin>
TARGET void MultiplyTile(const Product& p, int64_t row, int64_t column) {
  Vector sums[R][V] = {};
  const int64_t stride = RowsAdjoin ? 1 : p.left_row;
  const float *left = p.left + row * stride, *right = p.right + column;
  if (p.before) {
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) __builtin_prefetch(p.before + (row + r) * p.out_stride + column + v * kLanes);
    }
  }
  for (int64_t k = 0; k < p.depth; ++k) {
    if (RowsAdjoin) __builtin_prefetch(left + kAhead * p.left_depth);
    Vector here[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) here[v] = At(right + v * kLanes);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const Vector factor = Vector{} + left[r * stride];
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sums[r][v] += factor * here[v];
    }
    left += RowsAdjoin ? p.left_depth : 1;
    right += p.right_stride;
  }
  const Vector keep = Vector{} + p.keep;
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      const int64_t place = (row + r) * p.out_stride + column + v * kLanes;
      At(p.out + place) = p.before ? keep * At(p.before + place) + sums[r][v] : sums[r][v];
    }
  }
}

template <int V, bool RowsAdjoin, int... R>
constexpr auto TilesOf(std::integer_sequence<int, R...>) {
  return std::array{MultiplyTile<R + 1, V, RowsAdjoin>...};
}

template <bool RowsAdjoin>
KERNEL void MultiplyTiles(const Product& p) {
  using Rows = std::make_integer_sequence<int, kTileRows>;
  static constexpr auto narrow = TilesOf<1, RowsAdjoin>(Rows{}), wide = TilesOf<kTileVectors, RowsAdjoin>(Rows{});
  constexpr int64_t width = kTileVectors * kLanes;
  for (int64_t row = 0; row < p.rows; row += kTileRows) {
    for (int64_t column = 0; column < p.columns; column += width) {
      const auto& tiles = column + width <= p.columns ? wide : narrow;
      tiles[std::min<int64_t>(kTileRows, p.rows - row) - 1](p, row, column);
    }
  }
}

KERNEL void Multiply(const Product& p) { p.left_row == 1 ? MultiplyTiles<true>(p) : MultiplyTiles<false>(p); }
