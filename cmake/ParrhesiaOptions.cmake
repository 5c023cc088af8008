# One INTERFACE target that every target of ours links: the standard, the warnings, the sanitizers.
add_library(parrhesia_options INTERFACE)
target_compile_features(parrhesia_options INTERFACE cxx_std_20)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

target_compile_options(parrhesia_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
    -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Where g++ 12 optimises it follows inlined code into paths that cannot be taken, and reports Boost.Asio,
    # std::string (GCC bug 105329), std::shared_ptr and, with a sanitizer, std::regex themselves.
    if(PARRHESIA_SANITIZE)
        target_compile_options(parrhesia_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
    else()
        target_compile_options(parrhesia_options INTERFACE
            $<IF:$<CONFIG:Debug>,-Wnull-dereference,-Wno-restrict>)
    endif()
    target_compile_options(parrhesia_options INTERFACE -Wsuggest-override -Wduplicated-cond -Wlogical-op)
else()
    target_compile_options(parrhesia_options INTERFACE -Wnull-dereference)
endif()
if(PARRHESIA_WERROR)
    target_compile_options(parrhesia_options INTERFACE -Werror)
endif()

target_compile_definitions(parrhesia_options INTERFACE
    BOOST_ASIO_NO_DEPRECATED
    SPDLOG_FMT_EXTERNAL)

if(PARRHESIA_SANITIZE)
    target_compile_options(parrhesia_options INTERFACE
        -fsanitize=${PARRHESIA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(parrhesia_options INTERFACE -fsanitize=${PARRHESIA_SANITIZE})
    # Asio recycles freed memory, which would hide a use after free.
    target_compile_definitions(parrhesia_options INTERFACE
        BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING
        BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
    if(PARRHESIA_SANITIZE MATCHES "thread")
        # g++ 12: -Werror=tsan refuses the fences of Asio.
        target_compile_definitions(parrhesia_options INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND PARRHESIA_SANITIZE MATCHES "undefined")
        # clang 14 cannot compile coroutines with it.
        target_compile_options(parrhesia_options INTERFACE -fno-sanitize=function)
    endif()
endif()
if(PARRHESIA_FUZZ)
    target_compile_options(parrhesia_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()
