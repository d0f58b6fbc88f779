// TensorFlow takes the number of threads for a captured step only when its session is made, and the binding makes every
// session with default options. Linked with --wrap=TF_NewSessionOptions, it makes them here: with the settings of the
// ConfigProto whose bytes the environment variable TFJS_RAGAN_SESSION_CONFIG holds, in hexadecimal, where it is set.
#include <cstdlib>
#include <string>

#include "tensorflow/c/c_api.h"

extern "C" TF_SessionOptions* __real_TF_NewSessionOptions();

extern "C" TF_SessionOptions* __wrap_TF_NewSessionOptions() {
  TF_SessionOptions* options = __real_TF_NewSessionOptions();
  const char* config = std::getenv("TFJS_RAGAN_SESSION_CONFIG");
  if (config == nullptr) return options;
  const std::string hexadecimal(config);
  std::string bytes;
  for (size_t i = 0; i + 1 < hexadecimal.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::strtol(hexadecimal.substr(i, 2).c_str(), nullptr, 16)));
  }
  TF_Status* status = TF_NewStatus();
  // Bytes that are no ConfigProto leave the options as they are.
  TF_SetConfig(options, bytes.data(), bytes.size(), status);
  TF_DeleteStatus(status);
  return options;
}
