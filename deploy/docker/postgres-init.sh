# Run once by the PostgreSQL image when it makes its cluster: roles with passwords, database, schemas. Kept free of exits
# and options of the shell, because the image sources it.
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" \
    -v owner_password="$TIDEGATE_DB_PASSWORD" -v reader_password="$TIDEGATE_DB_READER_PASSWORD" <<'END'
CREATE ROLE tidegate LOGIN PASSWORD :'owner_password';
CREATE ROLE tidegate_api LOGIN PASSWORD :'reader_password';
CREATE DATABASE tidegate OWNER tidegate;
END
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d tidegate -f /etc/tidegate/database.sql
