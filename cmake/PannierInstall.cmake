# Installs the headers, the libraries and a package that find_package(pannier) finds.
include(CMakePackageConfigHelpers)

set(pannier_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pannier)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(TARGETS pannier EXPORT pannierTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})

if(TARGET pannier_c)
  set_target_properties(pannier_c PROPERTIES EXPORT_NAME c)
  install(TARGETS pannier_c EXPORT pannierTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/bindings/c/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN "*.h")
endif()

install(EXPORT pannierTargets NAMESPACE pannier:: DESTINATION ${pannier_package_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/pannierConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/pannierConfig.cmake INSTALL_DESTINATION ${pannier_package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/pannierConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/pannierConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/pannierConfigVersion.cmake
        DESTINATION ${pannier_package_dir})
