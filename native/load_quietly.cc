// Loads TensorFlow with stderr shut: its libraries print start-up notes while they are loaded, before any of its log
// settings are heard. What goes wrong in that moment comes back from dlopen and is thrown.
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

NAPI_MODULE_INIT() {
  const int standard_error = dup(STDERR_FILENO);
  const int nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, STDERR_FILENO);
  const void* library = dlopen("libtensorflow_cc.so.2", RTLD_NOW);
  dup2(standard_error, STDERR_FILENO);
  close(standard_error);
  close(nowhere);
  if (library == nullptr) napi_throw_error(env, nullptr, dlerror());
  return exports;
}
