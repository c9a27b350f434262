// SPDX-License-Identifier: Apache-2.0
#include "boot/uefi/console.hpp"

#include "boot/uefi/machine.hpp"

namespace runnel::uefi {
namespace {

const char* words_of(EFI_STATUS status) {
  switch (status) {
  case EFI_LOAD_ERROR:
    return "load error";
  case EFI_INVALID_PARAMETER:
    return "invalid parameter";
  case EFI_UNSUPPORTED:
    return "unsupported";
  case EFI_BUFFER_TOO_SMALL:
    return "buffer too small";
  case EFI_DEVICE_ERROR:
    return "device error";
  case EFI_OUT_OF_RESOURCES:
    return "out of resources";
  case EFI_VOLUME_CORRUPTED:
    return "volume corrupted";
  case EFI_NO_MEDIA:
    return "no medium";
  case EFI_NOT_FOUND:
    return "not found";
  case EFI_ACCESS_DENIED:
    return "access denied";
  case EFI_TIMEOUT:
    return "timeout";
  default:
    return nullptr;
  }
}

/// Whether the variable ConOut (UEFI 2.10, 3.3: device paths of the active consoles) names a UART.
bool console_is_serial() {
  static UINT8 path[1024];
  UINTN bytes = sizeof path;
  const EFI_STATUS status = firmware.system->RuntimeServices->GetVariable(
      wide(u"ConOut"), &guid_global_variable, nullptr, &bytes, path);
  if (EFI_ERROR(status)) return false;
  for (UINTN at = 0; at + sizeof(EFI_DEVICE_PATH) <= bytes;) {
    const UINTN length = path[at + 2] + 256u * path[at + 3];
    if (length < sizeof(EFI_DEVICE_PATH)) return false;
    if (path[at] == MESSAGING_DEVICE_PATH && path[at + 1] == MSG_UART_DP) return true;
    at += length; // also over the end nodes that part one console from the next
  }
  return false;
}

void put_firmware(const char* text) {
  SIMPLE_TEXT_OUTPUT_INTERFACE* out = firmware.system->ConOut;
  if (out == nullptr) return;
  for (; *text != '\0'; ++text) {
    CHAR16 one[2] = {static_cast<CHAR16>(*text), 0};
    out->OutputString(out, one);
  }
}

void put_uart(const char* text) {
  for (; *text != '\0'; ++text) uart_put(*text);
}

void put(const char* text) {
  if (!firmware.services_ended) put_firmware(text);
  if (firmware.services_ended || !console_is_serial()) put_uart(text);
}

} // namespace

void Line::put(char c) {
  if (used_ < kCapacity) text_[used_++] = c;
}

void Line::put_number(std::uint64_t value, unsigned base) {
  char digits[20];
  unsigned n = 0;
  do {
    digits[n++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  while (n != 0) put(digits[--n]);
}

Line& Line::operator<<(const char* text) {
  for (; *text != '\0'; ++text) put(*text);
  return *this;
}

Line& Line::operator<<(std::uint64_t value) {
  put_number(value, 10);
  return *this;
}

Line& Line::operator<<(Hex value) {
  *this << "0x";
  put_number(value.value, 16);
  return *this;
}

Line& Line::operator<<(Status status) {
  if (const char* words = words_of(status.value)) return *this << words;
  return *this << "EFI status " << Hex{status.value};
}

void print(const Line& line) {
  static bool first = true;
  if (first) put("\r\n"); // the firmware may have left the cursor anywhere
  first = false;
  put("runnel: ");
  put(line.text());
  put("\r\n");
}

void fail(const Line& line) {
  print(Line() << "error " << line.text());
  print(Line() << "end boot-failed");
  exit_emulator(boot::ExitCode::kBootFailed);
  firmware.system->RuntimeServices->ResetSystem(EfiResetShutdown, EFI_LOAD_ERROR, 0, nullptr);
  halt();
}

} // namespace runnel::uefi
