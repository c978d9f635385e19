// Package goarch has the constants of linux/amd64 that the page heap asks for.
package goarch

const (
	PtrSize             = 8
	BigEndian           = false
	IsAmd64             = 1
	IsArm64             = 0
	IsLoong64           = 0
	IsMips              = 0
	IsMips64            = 0
	IsMips64le          = 0
	IsMipsle            = 0
	IsPpc64             = 0
	IsPpc64le           = 0
	IsRiscv64           = 0
	IsS390x             = 0
	IsWasm              = 0
	GOARCH              = "amd64"
	PCQuantum           = 1
	MinFrameSize        = 0
	StackAlign          = 8
	Int64Align          = 8
	DefaultPhysPageSize = 4096
)
