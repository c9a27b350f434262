// SPDX-License-Identifier: Apache-2.0
#include "boot/uefi/volume.hpp"

#include "boot/uefi/console.hpp"

namespace runnel::uefi {
namespace {

std::uint64_t size_of(EFI_FILE_HANDLE handle, const char* name) {
  alignas(EFI_FILE_INFO) static UINT8 buffer[sizeof(EFI_FILE_INFO) + 512];
  UINTN bytes = sizeof buffer;
  const EFI_STATUS status = handle->GetInfo(handle, &guid_file_info, &bytes, buffer);
  if (EFI_ERROR(status)) fail(Line() << name << ": cannot tell its size: " << Status{status});
  const auto* info = reinterpret_cast<const EFI_FILE_INFO*>(buffer);
  if ((info->Attribute & EFI_FILE_DIRECTORY) != 0) fail(Line() << name << ": is a directory");
  return info->FileSize;
}

} // namespace

File::File(EFI_FILE_HANDLE handle, const char* name) : handle_(handle), name_(name) {
  if (handle_ != nullptr) bytes_ = size_of(handle_, name_);
}

File::~File() {
  if (handle_ != nullptr) handle_->Close(handle_);
}

void File::read(std::uint64_t offset, std::uint64_t bytes, std::uint64_t to) {
  EFI_STATUS status = handle_->SetPosition(handle_, offset);
  while (!EFI_ERROR(status) && bytes != 0) {
    UINTN part = bytes;
    status = handle_->Read(handle_, &part, reinterpret_cast<void*>(to));
    if (!EFI_ERROR(status) && part == 0) fail(Line() << name_ << ": ends early (truncated?)");
    bytes -= part;
    to += part;
  }
  if (EFI_ERROR(status)) fail(Line() << name_ << ": cannot read: " << Status{status});
}

Volume::Volume() {
  EFI_LOADED_IMAGE* image = nullptr;
  EFI_STATUS status =
      firmware.services->HandleProtocol(firmware.image, &guid_loaded_image, reinterpret_cast<void**>(&image));
  EFI_FILE_IO_INTERFACE* file_system = nullptr;
  if (!EFI_ERROR(status))
    status = firmware.services->HandleProtocol(image->DeviceHandle, &guid_file_system,
                                               reinterpret_cast<void**>(&file_system));
  if (!EFI_ERROR(status)) status = file_system->OpenVolume(file_system, &root_);
  if (EFI_ERROR(status)) fail(Line() << "the loader's own volume cannot be opened: " << Status{status});
}

Volume::~Volume() { root_->Close(root_); }

File Volume::open(const char16_t* path, const char* name) {
  EFI_FILE_HANDLE handle = nullptr;
  const EFI_STATUS status = root_->Open(root_, &handle, wide(path), EFI_FILE_MODE_READ, 0);
  if (EFI_ERROR(status) && status != EFI_NOT_FOUND)
    fail(Line() << name << ": cannot open: " << Status{status});
  return {EFI_ERROR(status) ? nullptr : handle, name};
}

} // namespace runnel::uefi
