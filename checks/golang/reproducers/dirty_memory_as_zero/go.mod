module spanproof/reproducer

go 1.21
