"""The first tables."""

# ruff: noqa: E501, RUF012 - as Django writes it

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Service',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True, verbose_name='đường dẫn')),
                ('name', models.CharField(max_length=200, verbose_name='tên dịch vụ')),
                ('field', models.CharField(max_length=100, verbose_name='lĩnh vực')),
                ('agency', models.CharField(max_length=200, verbose_name='cơ quan giải quyết')),
                ('summary', models.TextField(verbose_name='nội dung')),
                ('requirements', models.TextField(help_text='Mỗi dòng một giấy tờ.', verbose_name='thành phần hồ sơ')),
                ('fee', models.PositiveIntegerField(default=0, verbose_name='lệ phí (đồng)')),
                ('working_days', models.PositiveSmallIntegerField(verbose_name='thời hạn (ngày làm việc)')),
                ('needs_level_2', models.BooleanField(default=False, verbose_name='cần tài khoản định danh mức độ 2')),
                ('is_active', models.BooleanField(default=True, verbose_name='đang tiếp nhận')),
            ],
            options={
                'verbose_name': 'dịch vụ công',
                'verbose_name_plural': 'dịch vụ công',
                'ordering': ('field', 'name'),
            },
        ),
        migrations.CreateModel(
            name='Dossier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(editable=False, max_length=30, null=True, unique=True, verbose_name='mã hồ sơ')),
                ('applicant_name', models.CharField(max_length=150, verbose_name='họ và tên')),
                ('applicant_birth_date', models.CharField(blank=True, max_length=10, verbose_name='ngày sinh')),
                ('phone', models.CharField(max_length=10, validators=[django.core.validators.RegexValidator('^0[0-9]{9}\\Z', 'Số điện thoại gồm 10 chữ số và bắt đầu bằng số 0.')], verbose_name='số điện thoại')),
                ('address', models.CharField(max_length=200, verbose_name='địa chỉ liên hệ')),
                ('reason', models.TextField(max_length=1000, verbose_name='nội dung đề nghị')),
                ('delivery', models.CharField(choices=[('electronic', 'Bản điện tử trên Cổng'), ('counter', 'Nhận trực tiếp tại Bộ phận Một cửa'), ('post', 'Qua dịch vụ bưu chính')], default='electronic', max_length=20, verbose_name='hình thức nhận kết quả')),
                ('status', models.CharField(choices=[('received', 'Đã tiếp nhận'), ('processing', 'Đang xử lý'), ('incomplete', 'Cần bổ sung'), ('approved', 'Đã có kết quả'), ('rejected', 'Không được giải quyết')], default='received', max_length=20, verbose_name='trạng thái')),
                ('submitted_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='thời điểm nộp')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='dossiers', to=settings.AUTH_USER_MODEL, verbose_name='người nộp')),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='dossiers.service', verbose_name='dịch vụ công')),
            ],
            options={
                'verbose_name': 'hồ sơ',
                'verbose_name_plural': 'hồ sơ',
                'ordering': ('-submitted_at', '-pk'),
            },
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='thời điểm')),
                ('status', models.CharField(choices=[('received', 'Đã tiếp nhận'), ('processing', 'Đang xử lý'), ('incomplete', 'Cần bổ sung'), ('approved', 'Đã có kết quả'), ('rejected', 'Không được giải quyết')], max_length=20, verbose_name='trạng thái')),
                ('text', models.CharField(max_length=500, verbose_name='nội dung')),
                ('dossier', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='dossiers.dossier')),
                ('officer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='cán bộ')),
            ],
            options={
                'verbose_name': 'bước xử lý',
                'verbose_name_plural': 'quá trình xử lý',
                'ordering': ('-at', '-pk'),
            },
        ),
    ]
