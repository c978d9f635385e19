module spanproof/extracted

go 1.23
