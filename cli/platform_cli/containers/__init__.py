"""What `docker compose up` needs beside docker-compose.yml: secrets, and a certificate."""
