module spanproof/server

go 1.21
