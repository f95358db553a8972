"""The databases: `jobs` belongs to the supervisor, `web` to web; tables, migrations, and one module an aggregate."""
