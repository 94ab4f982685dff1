// Which of the kinds of CPU of for_each_cpu.h this one is.
#pragma once

#if defined(__x86_64__) && defined(__linux__)
inline bool HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
inline bool HasAvx512() {
  return HasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
// What goes by this name in the namespace for this CPU.
#define OF_THIS_CPU(name) (HasAvx512() ? avx512::name : HasAvx2() ? avx2::name : any_cpu::name)
#else
#define OF_THIS_CPU(name) any_cpu::name
#endif
