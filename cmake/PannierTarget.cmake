# pannier_target(<target>): what every one of our own targets is compiled with. A consumer's targets are never touched.
function(pannier_target target)
  set_target_properties(${target} PROPERTIES
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
    C_STANDARD 99 C_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON)
  if(NOT PANNIER_TOP_LEVEL)
    return()
  endif()
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi>)
  # g++ 12 raises it falsely inside std::variant and std::optional at -O2; clang and the sanitizers look for the real ones.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  if(PANNIER_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
