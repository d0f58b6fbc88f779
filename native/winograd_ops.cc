// Convolutions by 3x3 windows as ops of TensorFlow, where the processor has AVX-512 or AVX2. Captured steps use them in place
// of TensorFlow's own.
//
// TfjsRaganFilter: filter [3, 3, inputs, outputs] -> planes [16, inputs, outputs], or, for the gradient of the images,
//   [16, outputs, inputs] of the filter back to front.
// TfjsRaganConv2D: x [batch, height, width, inputs], planes, bias [outputs] -> y, with a leaky ReLU of that slope.
// TfjsRaganConv2DFilterGradient: x, dy [batch, height, width, outputs] -> gradient [3, 3, inputs, outputs].
#if defined(__x86_64__)
#include <cstdint>
#include <exception>
#include <initializer_list>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/ops.h"
#include "tensorflow/c/tf_tensor.h"
#include "winograd.h"

// From tensorflow/c/kernels.h, which includes headers that not every package of TensorFlow has.
extern "C" {
typedef struct TF_KernelBuilder TF_KernelBuilder;
typedef struct TF_OpKernelConstruction TF_OpKernelConstruction;
typedef struct TF_OpKernelContext TF_OpKernelContext;
TF_KernelBuilder* TF_NewKernelBuilder(const char* op, const char* device, void* (*create)(TF_OpKernelConstruction*),
                                      void (*compute)(void*, TF_OpKernelContext*), void (*destroy)(void*));
void TF_RegisterKernelBuilder(const char* name, TF_KernelBuilder* builder, TF_Status* status);
void TF_GetInput(TF_OpKernelContext* context, int index, TF_Tensor** tensor, TF_Status* status);
TF_Tensor* TF_AllocateOutput(TF_OpKernelContext* context, int index, TF_DataType type, const int64_t* sizes, int rank,
                             size_t bytes, TF_Status* status);
void TF_OpKernelContext_Failure(TF_OpKernelContext* context, TF_Status* status);
void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction* construction, TF_Status* status);
void TF_OpKernelConstruction_GetAttrFloat(TF_OpKernelConstruction* construction, const char* name, float* value,
                                          TF_Status* status);
void TF_OpKernelConstruction_GetAttrInt32(TF_OpKernelConstruction* construction, const char* name, int32_t* value,
                                          TF_Status* status);
void TF_OpKernelConstruction_GetAttrBool(TF_OpKernelConstruction* construction, const char* name, TF_Bool* value,
                                         TF_Status* status);
}

namespace {

struct Attributes {
  float slope = 1;
  int32_t threads = 1;
  bool turned = false;
};

class Status {
 public:
  Status() : status_(TF_NewStatus()) {}
  ~Status() { TF_DeleteStatus(status_); }
  TF_Status* get() { return status_; }
  bool ok() const { return TF_GetCode(status_) == TF_OK; }

 private:
  TF_Status* status_;
};

// A tensor that an op was given or gives.
class Values {
 public:
  explicit Values(TF_Tensor* tensor) : tensor_(tensor) {}
  Values(const Values&) = delete;
  ~Values() {
    if (tensor_) TF_DeleteTensor(tensor_);
  }
  float* data() const { return static_cast<float*>(TF_TensorData(tensor_)); }
  int rank() const { return TF_NumDims(tensor_); }
  int size(int axis) const { return static_cast<int>(TF_Dim(tensor_, axis)); }

 private:
  TF_Tensor* tensor_;
};

TF_Tensor* input(TF_OpKernelContext* context, int index, Status& status) {
  TF_Tensor* tensor = nullptr;
  if (status.ok()) TF_GetInput(context, index, &tensor, status.get());
  return tensor;
}

TF_Tensor* output(TF_OpKernelContext* context, std::initializer_list<int64_t> shape, Status& status) {
  size_t bytes = sizeof(float);
  for (int64_t size : shape) bytes *= size;
  return TF_AllocateOutput(context, 0, TF_FLOAT, shape.begin(), static_cast<int>(shape.size()), bytes, status.get());
}

void require(bool holds, Status& status, const char* message) {
  if (status.ok() && !holds) TF_SetStatus(status.get(), TF_INVALID_ARGUMENT, message);
}

// Runs an op. What it throws, where memory runs out, becomes its error: TensorFlow's side is C, which catches nothing.
template <typename Work>
void guarded(TF_OpKernelContext* context, const Work& work) {
  Status status;
  try {
    work(status);
  } catch (const std::exception& error) {
    TF_SetStatus(status.get(), TF_RESOURCE_EXHAUSTED, error.what());
  }
  if (!status.ok()) TF_OpKernelContext_Failure(context, status.get());
}

bool isWhole(int channels) { return channels > 0 && channels % 8 == 0; }

void* create(TF_OpKernelConstruction* construction, bool convolution, bool filter) {
  auto* attributes = new Attributes;
  Status status;
  if (convolution) TF_OpKernelConstruction_GetAttrFloat(construction, "slope", &attributes->slope, status.get());
  if (filter) {
    TF_Bool turned = 0;
    TF_OpKernelConstruction_GetAttrBool(construction, "turned", &turned, status.get());
    attributes->turned = turned;
  } else {
    TF_OpKernelConstruction_GetAttrInt32(construction, "threads", &attributes->threads, status.get());
  }
  if (!status.ok()) TF_OpKernelConstruction_Failure(construction, status.get());
  return attributes;
}

void destroy(void* attributes) { delete static_cast<Attributes*>(attributes); }

void computeFilter(void* kernel, TF_OpKernelContext* context) {
  guarded(context, [&](Status& status) {
    const bool turned = static_cast<Attributes*>(kernel)->turned;
    const Values filter(input(context, 0, status));
    if (!status.ok()) return;
    const bool fits = filter.rank() == 4 && filter.size(0) == 3 && filter.size(1) == 3 && isWhole(filter.size(2)) &&
                      isWhole(filter.size(3));
    require(fits, status, "TfjsRaganFilter: the filter is none of 3x3 and multiples of 8 channels.");
    if (!status.ok()) return;
    const int inputs = filter.size(2), outputs = filter.size(3);
    const size_t plane = static_cast<size_t>(inputs) * outputs;
    const Values planes(turned ? output(context, {PLANES, outputs, inputs}, status)
                               : output(context, {PLANES, inputs, outputs}, status));
    if (!status.ok()) return;
    const Kernels& kernels = kernelsFor(inputs, outputs);
    if (!turned) return kernels.transformFilter(filter.data(), plane, planes.data());
    float* straight = scratch(PLANES * plane);
    kernels.transformFilter(filter.data(), plane, straight);
    turnFilter(straight, inputs, outputs, planes.data());
  });
}

void computeConvolution(void* kernel, TF_OpKernelContext* context) {
  guarded(context, [&](Status& status) {
    const auto& attributes = *static_cast<Attributes*>(kernel);
    const Values x(input(context, 0, status)), planes(input(context, 1, status)), bias(input(context, 2, status));
    if (!status.ok()) return;
    const bool fits = x.rank() == 4 && planes.rank() == 3 && planes.size(0) == PLANES && planes.size(1) == x.size(3) &&
                      isWhole(planes.size(1)) && isWhole(planes.size(2)) && bias.rank() == 1 &&
                      bias.size(0) == planes.size(2);
    require(fits, status, "TfjsRaganConv2D: the shapes of images, planes and bias do not fit.");
    if (!status.ok()) return;
    const Shape shape = {x.size(0), x.size(1), x.size(2), x.size(3), planes.size(2)};
    const Values y(output(context, {shape.batch, shape.height, shape.width, shape.outputs}, status));
    if (!status.ok()) return;
    convolve(shape, x.data(), planes.data(), bias.data(), attributes.slope, attributes.threads, y.data());
  });
}

void computeFilterGradient(void* kernel, TF_OpKernelContext* context) {
  guarded(context, [&](Status& status) {
    const auto& attributes = *static_cast<Attributes*>(kernel);
    const Values x(input(context, 0, status)), dy(input(context, 1, status));
    if (!status.ok()) return;
    const bool fits = x.rank() == 4 && dy.rank() == 4 && x.size(0) == dy.size(0) && x.size(1) == dy.size(1) &&
                      x.size(2) == dy.size(2) && isWhole(x.size(3)) && isWhole(dy.size(3));
    require(fits, status, "TfjsRaganConv2DFilterGradient: the shapes of images and gradient do not fit.");
    if (!status.ok()) return;
    const Shape shape = {x.size(0), x.size(1), x.size(2), x.size(3), dy.size(3)};
    const Values gradient(output(context, {3, 3, shape.inputs, shape.outputs}, status));
    if (!status.ok()) return;
    filterGradient(shape, x.data(), dy.data(), attributes.threads, gradient.data());
  });
}

void unknownShape(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

void add(const char* name, std::initializer_list<const char*> inputs, const char* output,
         std::initializer_list<const char*> attributes, void* (*create)(TF_OpKernelConstruction*),
         void (*compute)(void*, TF_OpKernelContext*)) {
  Status status;
  // Another copy of the binding may have brought it: to add an op twice ends the process.
  TF_Buffer* there = TF_GetRegisteredKernelsForOp(name, status.get());
  const bool isThere = there != nullptr && there->length > 0;
  if (there != nullptr) TF_DeleteBuffer(there);
  if (isThere) return;
  TF_OpDefinitionBuilder* definition = TF_NewOpDefinitionBuilder(name);
  for (const char* one : inputs) TF_OpDefinitionBuilderAddInput(definition, one);
  TF_OpDefinitionBuilderAddOutput(definition, output);
  TF_OpDefinitionBuilderAddAttr(definition, "T: {float}");
  for (const char* one : attributes) TF_OpDefinitionBuilderAddAttr(definition, one);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, unknownShape);
  TF_RegisterOpDefinition(definition, status.get());
  TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", create, compute, destroy), status.get());
}

const bool added = [] {
  if (here == nullptr) return false;
  add("TfjsRaganFilter", {"filter: T"}, "planes: T", {"turned: bool"},
      [](TF_OpKernelConstruction* construction) { return create(construction, false, true); }, computeFilter);
  add("TfjsRaganConv2D", {"x: T", "planes: T", "bias: T"}, "y: T", {"slope: float", "threads: int"},
      [](TF_OpKernelConstruction* construction) { return create(construction, true, false); }, computeConvolution);
  add("TfjsRaganConv2DFilterGradient", {"x: T", "dy: T"}, "gradient: T", {"threads: int"},
      [](TF_OpKernelConstruction* construction) { return create(construction, false, false); }, computeFilterGradient);
  return true;
}();

}  // namespace

#endif
