# -DGKV_SANITIZE=address,undefined (or thread) builds everything under it.
set(GKV_SANITIZE "" CACHE STRING "sanitizers to build with, as for -fsanitize=")
if(GKV_SANITIZE)
  add_compile_options(-fsanitize=${GKV_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${GKV_SANITIZE})
endif()
