// Package goos has the constants of linux that the page heap asks for.
package goos

const (
	IsAix     = 0
	IsAndroid = 0
	IsDarwin  = 0
	IsFreebsd = 0
	IsIos     = 0
	IsLinux   = 1
	IsOpenbsd = 0
	IsPlan9   = 0
	IsWindows = 0
	GOOS      = "linux"
)
