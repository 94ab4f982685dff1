// CODE, the path of a file, compiled for each kind of CPU, in a namespace for each. TARGET says which instructions the
// compiler may use, WIDTH how many bytes a register has. To be included within a namespace, once for each CODE.

namespace any_cpu {
#define TARGET
#define WIDTH 16
#include CODE
#undef TARGET
#undef WIDTH
}  // namespace any_cpu

#if defined(__x86_64__) && defined(__linux__)
namespace avx2 {
#define TARGET __attribute__((target("avx2,fma")))
#define WIDTH 32
#include CODE
#undef TARGET
#undef WIDTH
}  // namespace avx2

namespace avx512 {
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512dq,avx512vl")))
#define WIDTH 64
#include CODE
#undef TARGET
#undef WIDTH
}  // namespace avx512
#endif

#undef CODE
