# Finds what the library is built from. A missing one is refused with the name of its Debian package.
#
# PANNIER_LINK_DEPENDENCIES  what a program must link beside the static library, repeated in pannierConfig.cmake
# pannier_private            headers and switches of the sources in src/, also for tests that open private headers

macro(pannier_find package debian)
  find_package(${package} QUIET ${ARGN})
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "pannier needs ${package}, which was not found: install the package ${debian} (or run `make setup`)")
  endif()
endmacro()

macro(pannier_find_optional switch package debian)
  if(PANNIER_WITH_${switch})
    find_package(${package} QUIET ${ARGN})
    if(NOT ${package}_FOUND)
      message(FATAL_ERROR "PANNIER_WITH_${switch} is on and ${package} was not found: install the package ${debian} "
                          "(or run `make setup`), or configure with -DPANNIER_WITH_${switch}=OFF")
    endif()
  endif()
endmacro()

pannier_find(Threads libc6-dev)
pannier_find(TBB libtbb-dev)
pannier_find(Eigen3 libeigen3-dev 3.4 NO_MODULE)
pannier_find(nlohmann_json nlohmann-json3-dev)
find_path(PANNIER_XXHASH_INCLUDE_DIR xxhash.h)
mark_as_advanced(PANNIER_XXHASH_INCLUDE_DIR)
if(NOT PANNIER_XXHASH_INCLUDE_DIR)
  message(FATAL_ERROR "pannier needs xxhash.h, which was not found: install the package libxxhash-dev (or run `make setup`)")
endif()
pannier_find_optional(SQLITE SQLite3 libsqlite3-dev)
pannier_find_optional(ZLIB ZLIB zlib1g-dev)
pannier_find_optional(HIGHWAY hwy libhwy-dev CONFIG)

set(PANNIER_LINK_DEPENDENCIES TBB::tbb Threads::Threads)
if(PANNIER_WITH_SQLITE)
  list(APPEND PANNIER_LINK_DEPENDENCIES SQLite::SQLite3)
endif()
if(PANNIER_WITH_ZLIB)
  list(APPEND PANNIER_LINK_DEPENDENCIES ZLIB::ZLIB)
endif()
if(PANNIER_WITH_HIGHWAY)
  list(APPEND PANNIER_LINK_DEPENDENCIES hwy::hwy)
endif()

add_library(pannier_private INTERFACE)
target_link_libraries(pannier_private INTERFACE Eigen3::Eigen nlohmann_json::nlohmann_json ${PANNIER_LINK_DEPENDENCIES})
target_include_directories(pannier_private SYSTEM INTERFACE ${PANNIER_XXHASH_INCLUDE_DIR})
foreach(switch SQLITE ZLIB HIGHWAY)
  target_compile_definitions(pannier_private INTERFACE PANNIER_WITH_${switch}=$<BOOL:${PANNIER_WITH_${switch}}>)
endforeach()
