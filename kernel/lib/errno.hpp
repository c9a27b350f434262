// SPDX-License-Identifier: Apache-2.0
// Linux's error numbers (asm-generic/errno-base.h, errno.h), the only error vocabulary of the kernel.
#pragma once

#include "kernel/lib/types.hpp"

#include <expected>

namespace runnel {

enum class Errno : i32 {
  kPERM = 1,
  kNOENT = 2,
  kSRCH = 3,
  kINTR = 4,
  kIO = 5,
  kNXIO = 6,
  kE2BIG = 7,
  kNOEXEC = 8,
  kBADF = 9,
  kCHILD = 10,
  kAGAIN = 11,
  kNOMEM = 12,
  kACCES = 13,
  kFAULT = 14,
  kNOTBLK = 15,
  kBUSY = 16,
  kEXIST = 17,
  kXDEV = 18,
  kNODEV = 19,
  kNOTDIR = 20,
  kISDIR = 21,
  kINVAL = 22,
  kNFILE = 23,
  kMFILE = 24,
  kNOTTY = 25,
  kTXTBSY = 26,
  kFBIG = 27,
  kNOSPC = 28,
  kSPIPE = 29,
  kROFS = 30,
  kMLINK = 31,
  kPIPE = 32,
  kDOM = 33,
  kRANGE = 34,
  kDEADLK = 35,
  kNAMETOOLONG = 36,
  kNOLCK = 37,
  kNOSYS = 38,
  kNOTEMPTY = 39,
  kLOOP = 40,
  kNODATA = 61,
  kOVERFLOW = 75,
  kLIBBAD = 80,
  kUSERS = 87,
  kNOTSOCK = 88,
  kDESTADDRREQ = 89,
  kMSGSIZE = 90,
  kPROTOTYPE = 91,
  kNOPROTOOPT = 92,
  kPROTONOSUPPORT = 93,
  kSOCKTNOSUPPORT = 94,
  kOPNOTSUPP = 95,
  kPFNOSUPPORT = 96,
  kAFNOSUPPORT = 97,
  kADDRINUSE = 98,
  kCONNRESET = 104,
  kNOBUFS = 105,
  kISCONN = 106,
  kNOTCONN = 107,
  kTIMEDOUT = 110,
  kCONNREFUSED = 111,
  kALREADY = 114,
  kINPROGRESS = 115,
  kSTALE = 116,
  kOWNERDEAD = 130,
  kNOTRECOVERABLE = 131,
  // Never seen by a program: how a system call that a signal interrupted goes on (spec linux_abi 5.4).
  kRESTARTSYS = 512,           // anew if the handler has SA_RESTART or there is none, else kINTR
  kRESTARTNOINTR = 513,        // always anew
  kRESTARTNOHAND = 514,        // anew if there is no handler, else kINTR
  kRESTART_RESTARTBLOCK = 516, // restart_syscall if there is no handler, else kINTR
};

/// A value or an error number; `TRY` unwraps it or returns the error from the enclosing function.
template <typename T = void> using Result = std::expected<T, Errno>;

constexpr std::unexpected<Errno> err(Errno e) { return std::unexpected<Errno>{e}; }

} // namespace runnel

#define RUNNEL_TRY(expr)                                                                                     \
  do {                                                                                                       \
    if (auto try_result_ = (expr); !try_result_) return ::runnel::err(try_result_.error());                  \
  } while (false)
