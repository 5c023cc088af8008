# parrhesia_module(fanout SOURCES subscription_index.cpp DEPENDS base event [LIBRARIES imported...])
# One static library per module; DEPENDS are modules of a lower level.
function(parrhesia_module name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
    add_library(parrhesia_${name} STATIC ${ARG_SOURCES})
    add_library(parrhesia::${name} ALIAS parrhesia_${name})
    list(TRANSFORM ARG_DEPENDS PREPEND parrhesia::)
    target_include_directories(parrhesia_${name}
        PUBLIC "${PROJECT_SOURCE_DIR}/include"
        PRIVATE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(parrhesia_${name}
        PUBLIC ${ARG_DEPENDS} Boost::headers Threads::Threads
        PRIVATE parrhesia_options ${ARG_LIBRARIES})
endfunction()
